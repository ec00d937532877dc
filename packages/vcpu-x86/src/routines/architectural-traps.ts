// Events as the architecture has them: through the guest's own descriptor tables (SDM vol. 3A chapter 6).
import type { Core } from '../core.js';
import { CPU_FAULT, UD } from '../fault.js';
import type { SoftwareEvent, TrapDelivery } from '../platform.js';
import { deliverEvent, enterHandler } from './deliver-event.js';
import { checkPort } from './port-access.js';
import { systemCall, systemEnter } from './system-call.js';

export class ArchitecturalTraps implements TrapDelivery {
  readonly usesTables = true;
  private readonly core: Core;

  constructor(core: Core) {
    this.core = core;
  }

  exception(vector: number, errorCode: number, isFault: boolean): boolean {
    this.core.isFault = isFault;
    return deliverEvent(this.core, vector, errorCode, 'exception');
  }
  interrupt(vector: number): boolean {
    return deliverEvent(this.core, vector, -1, 'interrupt');
  }
  software(vector: number, event: SoftwareEvent): number {
    try {
      enterHandler(this.core, vector, -1, event, false);
      return 0;
    } catch (e) {
      if (e !== CPU_FAULT) throw e;
      return -1;
    }
  }
  systemCall(): number {
    return systemCall(this.core);
  }
  systemEnter(): number {
    return systemEnter(this.core);
  }
  hypervisorCall(): number {
    return this.core.state.fault(UD, -1);
  }
  checkPort(port: number, bytes: number): number {
    return checkPort(this.core, port, bytes);
  }
}
