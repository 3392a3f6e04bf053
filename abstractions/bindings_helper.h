/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The headers of the C facilities that abstractions/ wraps and the `bindings`
 * crate of the kernel does not have; see bindgen_parameters. Sorted.
 */

#include <linux/etherdevice.h>
#include <linux/gpio/consumer.h>
#include <linux/gpio/machine.h>
#include <linux/i8042.h>
#include <linux/input.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/jump_label.h>
#include <linux/kbd_kern.h>
#include <linux/kprobes.h>
#include <linux/mman.h>
#include <linux/netdevice.h>
#include <linux/proc_fs.h>
#include <linux/tty.h>
#include <linux/tty_driver.h>
#include <linux/vt_kern.h>

/*
 * Where the fields lie that net.rs uses. bindgen would need all the others for it: hundreds,
 * most of them of types which the kernel's own bindings lack, and more with each option.
 */
const size_t NET_DEVICE_PRIV_FLAGS = offsetof(struct net_device, priv_flags_fast);
const size_t NET_DEVICE_NETDEV_OPS = offsetof(struct net_device, netdev_ops);
const size_t NET_DEVICE_ADDR_ASSIGN_TYPE = offsetof(struct net_device, addr_assign_type);
const size_t NET_DEVICE_PRIV = offsetof(struct net_device, priv);
const size_t NET_DEVICE_OPS_SIZE = sizeof(struct net_device_ops);
const size_t NET_DEVICE_OPS_START_XMIT = offsetof(struct net_device_ops, ndo_start_xmit);
const size_t NET_DEVICE_OPS_GET_STATS64 = offsetof(struct net_device_ops, ndo_get_stats64);
const size_t NET_DEVICE_CORE_STATS_TX_DROPPED = offsetof(struct net_device_core_stats, tx_dropped);
