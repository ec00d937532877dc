// NetStatistics: what one network device has done so far, as xentop shows it; tx is what the guest sends.

export class NetStatistics {
  txPackets = 0;
  txBytes = 0;
  txErrors = 0;
  rxPackets = 0;
  rxBytes = 0;
  rxErrors = 0;
  /** Lost because the guest did not offer pages fast enough, or cannot take frames of that size. */
  rxDropped = 0;
}
