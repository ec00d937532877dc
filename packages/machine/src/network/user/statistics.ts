// What a user-mode network has lost or refused so far.

export class UserNetworkStatistics {
  /** Frames that make no sense, or whose checksum is wrong. */
  malformed = 0;
  /** Packets to where nobody is, or may go. */
  refused = 0;
  /** Packets of kinds that are not known: IPv6, multicast. */
  ignored = 0;
  /** Fragments for which there was no room or no rest. */
  fragmentsLost = 0;
  /** Connections refused, or ended, because there were too many. */
  tooMany = 0;
}
