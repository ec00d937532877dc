// Where everything is in a user-mode network: 10.0.2.0/24, as users of QEMU know it.

export const NETWORK: number = 0x0a00_0200;
export const NETMASK: number = 0xffff_ff00;
/** The host, as guests reach it: its loopback interface. */
export const GATEWAY: number = NETWORK + 2;
/** Stands for the resolver that the host uses. */
export const NAME_SERVER: number = NETWORK + 3;
/** The first guest's address. */
export const FIRST_GUEST: number = NETWORK + 15;
export const GUEST_COUNT = 64;
export const BROADCAST: number = NETWORK + 255;
export const ANY_BROADCAST: number = 0xffff_ffff;
/** Of an IP packet, in bytes. */
export const MTU = 1500;
/** What an IP packet carries at most. */
export const IP_PAYLOAD_BYTES: number = MTU - 20;
/** Of all addresses that are ours. */
export const OWN_MAC: Uint8Array = Uint8Array.of(0x52, 0x55, 0x0a, 0x00, 0x02, 0x02);
export const BROADCAST_MAC: Uint8Array = new Uint8Array(6).fill(0xff);

export function isInNetwork(address: number): boolean {
  return (address & NETMASK) >>> 0 === NETWORK;
}

/** Whether a guest may have it. */
export function isGuestAddress(address: number): boolean {
  const number = address - NETWORK;
  return isInNetwork(address) && number > 3 && number < 255;
}
