// SPDX-License-Identifier: GPL-2.0
/*
 * The structs of the kernel's own Rust bindings whose fields abstractions/ or
 * the `kernel` crate read for us. bindgen gets some layouts wrong without a
 * word (an empty struct that is aligned, for one), so each is compared with
 * what the C compiler says; never linked into anything, only compiled to
 * assembly, as kernel/bounds.c is.
 *
 * Add a line whenever Rust code comes to read or write a field.
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/cdev.h>
#include <linux/compiler_types.h>
#include <linux/configfs.h>
#include <linux/cred.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/device/class.h>
#include <linux/fs.h>
#include <linux/jump_label.h>
#include <linux/kobject.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/netdevice.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/property.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>
#include <linux/stddef.h>
#include <linux/uio.h>
#include <linux/umh.h>

#define EMIT(expr, what, value)						\
	asm volatile("\n.ascii \"->layout!(" expr ", " what ", %c0);\"" : : "i" (value))

#define SIZE(type)							\
	EMIT("core::mem::size_of::<" #type ">()", #type, sizeof(struct type))
#define FIELD(type, field)						\
	EMIT("core::mem::offset_of!(" #type ", " #field ")", #type,	\
	     offsetof(struct type, field))
/* A field that bindgen puts into an unnamed union or struct. */
#define INNER_FIELD(type, path, field)					\
	EMIT("core::mem::offset_of!(" #type ", " #path "." #field ")",	\
	     #type, offsetof(struct type, field))
/* What bindings_helper.h says of a struct, as libclang sees it. */
#define CONSTANT(name, type, value)					\
	EMIT("super::bindings::" #name, #type, value)
#define OFFSET(name, type, field)					\
	CONSTANT(name, type, offsetof(struct type, field))

void lkmpg_layout(void);

void lkmpg_layout(void)
{
	SIZE(kernel_param);
	FIELD(kernel_param, name);
	FIELD(kernel_param, ops);
	FIELD(kernel_param, perm);
	FIELD(kernel_param, level);

	/* `current!().pid()`, `.group_leader()` and `.mm()` of the kernel crate. */
	FIELD(task_struct, pid);
	FIELD(task_struct, group_leader);
	FIELD(task_struct, mm);

	/* file.rs, and `LocalFile` and `Credential` of the kernel crate. */
	FIELD(file, private_data);
	FIELD(file, f_flags);
	FIELD(file, f_cred);
	FIELD(cred, euid);
	FIELD(kiocb, ki_filp);
	FIELD(kiocb, ki_pos);
	FIELD(seq_file, private);
	SIZE(seq_operations);

	/* module.rs */
	FIELD(module, state);
	SIZE(notifier_block);
	FIELD(notifier_block, notifier_call);

	/* cdev.rs */
	SIZE(cdev);
	FIELD(cdev, kobj);
	FIELD(cdev, owner);
	FIELD(cdev, ops);
	FIELD(class, devnode);
	FIELD(device, driver_data);
	FIELD(file, f_inode);
	SIZE(file_operations);
	FIELD(file_operations, owner);
	FIELD(file_operations, open);
	FIELD(file_operations, release);
	FIELD(file_operations, read_iter);
	FIELD(file_operations, write_iter);
	FIELD(file_operations, llseek);
	FIELD(file_operations, unlocked_ioctl);
	FIELD(file_operations, compat_ioctl);
	FIELD(file_operations, poll);
	FIELD(inode, i_rdev);
	INNER_FIELD(inode, __bindgen_anon_5, i_cdev);

	/* misc.rs */
	SIZE(miscdevice);
	FIELD(miscdevice, minor);
	FIELD(miscdevice, name);
	FIELD(miscdevice, fops);
	FIELD(miscdevice, mode);

	/* block.rs and series.rs */
	SIZE(blk_mq_ops);
	FIELD(blk_mq_ops, queue_rq);
	SIZE(blk_mq_tag_set);
	FIELD(blk_mq_tag_set, ops);
	FIELD(blk_mq_tag_set, nr_maps);
	FIELD(blk_mq_tag_set, nr_hw_queues);
	FIELD(blk_mq_tag_set, queue_depth);
	FIELD(blk_mq_tag_set, numa_node);
	FIELD(blk_mq_queue_data, rq);
	FIELD(request, q);
	FIELD(request, cmd_flags);
	FIELD(request, __sector);
	FIELD(request, bio);
	FIELD(request_queue, queuedata);
	FIELD(bio, bi_next);
	FIELD(bio, bi_io_vec);
	FIELD(bio, bi_iter);
	SIZE(bvec_iter);
	FIELD(bvec_iter, bi_size);
	FIELD(bvec_iter, bi_idx);
	SIZE(bio_vec);
	FIELD(bio_vec, bv_len);
	FIELD(bio_vec, bv_offset);
	FIELD(gendisk, disk_name);
	FIELD(gendisk, fops);
	SIZE(block_device_operations);
	FIELD(block_device_operations, owner);
	FIELD(block_device_operations, open);

	/* `IovIterDest` and `IovIterSource` of the kernel crate. */
	FIELD(iov_iter, data_source);
	SIZE(iov_iter);

	/* sysfs.rs and series.rs */
	SIZE(attribute);
	FIELD(attribute, name);
	FIELD(attribute, mode);
	SIZE(kobj_attribute);
	FIELD(kobj_attribute, attr);

	/* debugfs.rs */
	SIZE(debugfs_short_fops);
	FIELD(debugfs_short_fops, read);
	FIELD(debugfs_short_fops, write);
	FIELD(debugfs_short_fops, llseek);

	/* configfs.rs */
	SIZE(configfs_subsystem);
	FIELD(configfs_subsystem, su_group);
	FIELD(configfs_subsystem, su_mutex);
	SIZE(config_item);
	FIELD(config_item, ci_name);
	FIELD(config_item, ci_type);
	FIELD(config_group, cg_item);
	SIZE(config_item_type);
	FIELD(config_item_type, ct_owner);
	FIELD(config_item_type, ct_item_ops);
	FIELD(config_item_type, ct_group_ops);
	FIELD(config_item_type, ct_attrs);
	SIZE(configfs_attribute);
	FIELD(configfs_attribute, ca_name);
	FIELD(configfs_attribute, ca_owner);
	FIELD(configfs_attribute, ca_mode);
	FIELD(configfs_attribute, show);
	FIELD(configfs_attribute, store);
	SIZE(configfs_item_operations);
	FIELD(configfs_item_operations, release);
	SIZE(configfs_group_operations);
	FIELD(configfs_group_operations, make_item);

	/* platform.rs */
	SIZE(platform_device_info);
	FIELD(platform_device_info, name);
	FIELD(platform_device_info, id);
	FIELD(platform_device_info, properties);
	SIZE(property_entry);
	FIELD(property_entry, name);
	FIELD(property_entry, length);
	FIELD(property_entry, is_inline);
	INNER_FIELD(property_entry, __bindgen_anon_1, value);

	/* dma.rs, pci.rs, and `Device` of the kernel crate's `pci` */
	FIELD(pci_dev, dev);
	FIELD(pci_dev, vendor);
	FIELD(device, devres_head);
	SIZE(pci_device_id);

	/* jump_label.rs */
	SIZE(static_key);
	FIELD(static_key, enabled);
	SIZE(static_key_false);

	/* net.rs */
	OFFSET(NET_DEVICE_PRIV_FLAGS, net_device, priv_flags_fast);
	OFFSET(NET_DEVICE_NETDEV_OPS, net_device, netdev_ops);
	OFFSET(NET_DEVICE_ADDR_ASSIGN_TYPE, net_device, addr_assign_type);
	OFFSET(NET_DEVICE_PRIV, net_device, priv);
	CONSTANT(NET_DEVICE_OPS_SIZE, net_device_ops, sizeof(struct net_device_ops));
	OFFSET(NET_DEVICE_OPS_START_XMIT, net_device_ops, ndo_start_xmit);
	OFFSET(NET_DEVICE_OPS_GET_STATS64, net_device_ops, ndo_get_stats64);
	OFFSET(NET_DEVICE_CORE_STATS_TX_DROPPED, net_device_core_stats, tx_dropped);
	FIELD(sk_buff, len);
	FIELD(sk_buff, data_len);

	/* procfs.rs */
	FIELD(inode, i_private);

	/* umh.rs */
	FIELD(subprocess_info, data);

	/* kprobe.rs and namei.rs. */
	FIELD(pt_regs, ax);
	FIELD(pt_regs, di);
	FIELD(pt_regs, si);
	FIELD(__filename_head, name);
}
