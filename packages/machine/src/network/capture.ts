// Capture: a port that tells of all that passes through another.
import type { EthernetFrame, NetworkPort } from './network-port.js';
import { fillChecksum } from './offload.js';

/** Hears of frames as they pass: `isInbound` if they go to whoever holds the port. */
export type FrameObserver = (bytes: Uint8Array, isInbound: boolean) => void;

/**
 * A port in front of `port`. Missing checksums are filled in for the observer; large segments are told of as they are, as captures on other
 * systems show them.
 */
export function capturePort(port: NetworkPort, observe: FrameObserver): NetworkPort {
  const tell = (frame: EthernetFrame, isInbound: boolean): void => {
    const shown = frame.largeSegment ? frame : fillChecksum(frame);
    observe(shown.bytes, isInbound);
  };
  return {
    send: (frame) => {
      tell(frame, false);
      port.send(frame);
    },
    listen: (receiver) =>
      port.listen(
        receiver &&
          ((frame) => {
            tell(frame, true);
            receiver(frame);
          }),
      ),
    close: () => port.close(),
  };
}
