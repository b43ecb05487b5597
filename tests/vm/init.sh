#!/bin/sh
# First program of the virtual machine, in its initramfs: mounts the host's files, read only and under a layer of memory,
# as root and goes on there with guest.sh. /job says where the project is.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
while read -r module; do
	insmod "/modules/$module" || echo "vm: $module cannot be loaded"
done </modules/order
mkdir -p /host /layer /root
mount -t tmpfs -o size=75% layer /layer
mkdir -p /layer/upper /layer/work
mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=262144 host /host
mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work root /root
mount -t tmpfs run /root/run
cp /job /root/run/job
mount --move /dev /root/dev
# shellcheck source=/dev/null
. /job
exec switch_root /root /bin/sh "$TOP/tests/vm/guest.sh"
