// What an /init script needs to bring a network card of a Linux guest up by DHCP with busybox.

/** Folders and file systems; drivers are loaded after it. */
export const NETWORK_SET_UP = `
mkdir -p /proc /sys /dev /etc
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
ifconfig lo 127.0.0.1 up
cat > /etc/udhcpc.sh <<'END'
#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ifconfig $interface $ip netmask $subnet up
[ -n "$router" ] && route add default gw $router
[ -n "$dns" ] && echo "nameserver $dns" > /etc/resolv.conf
exit 0
END
chmod 755 /etc/udhcpc.sh
`;

/** Waits for the card, and for its address. */
export const DHCP_SCRIPT = `
until ifconfig eth0 up; do sleep 1; done
busybox udhcpc -i eth0 -s /etc/udhcpc.sh -n -q -t 10
cat /etc/resolv.conf; route -n
`;
