// Cables: two ports, each the other's far end; or one port that hears itself.
import type { EthernetFrame, FrameReceiver, NetworkPort } from './network-port.js';

/** A port whose frames go straight to the port at the other end. */
class CableEnd implements NetworkPort {
  far: CableEnd | null = null;
  #receiver: FrameReceiver | null = null;

  send(frame: EthernetFrame): void {
    this.far?.arrive(frame);
  }

  arrive(frame: EthernetFrame): void {
    this.#receiver?.(frame);
  }

  listen(receiver: FrameReceiver | null): void {
    this.#receiver = receiver;
  }

  close(): void {
    this.#receiver = null;
    this.far = null;
  }
}

/** Both ends of a new cable. */
export function makeCable(): [NetworkPort, NetworkPort] {
  const [one, other] = [new CableEnd(), new CableEnd()];
  one.far = other;
  other.far = one;
  return [one, other];
}

/** A port that gets what it sends. */
export function makeLoopback(): NetworkPort {
  const end = new CableEnd();
  end.far = end;
  return end;
}
