#!/bin/sh
# What the virtual machine does once it has its root: the rest of the mounts, then the command. When this ends, in
# whatever way, the kernel panics or restarts, and either ends the machine.
# shellcheck source=/dev/null # TOP, MODULES, RUN, FAIRLEAD_PATIENCE: written by run.py
. /run/job
export FAIRLEAD_PATIENCE TMPDIR=/dev/shm
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
prlimit --nofile=1024:524288 --pid $$ # as systemd sets it
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm /run/netns "/lib/modules/$(uname -r)"
mount -t devpts pts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
[ -z "$MODULES" ] || mount --bind "$MODULES" "/lib/modules/$(uname -r)"
ip link set lo up
echo fairlead-vm >/proc/sys/kernel/hostname
stty -opost </dev/ttyS1
cd "$TOP" || exit
echo "kernel $(uname -r), $(nproc) cores" >/dev/ttyS1
sh -c "$RUN" </dev/null >/dev/ttyS1 2>&1
echo "vm: exit $?" >/dev/ttyS1
sleep 1
echo b >/proc/sysrq-trigger
