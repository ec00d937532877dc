// RunQueue: the runnable vCPUs in no particular order; adding and removing take constant time.
import type { Schedulable } from './scheduler.js';

export class RunQueue<V extends Schedulable> {
  readonly items: V[] = [];

  /** False if it is in already. */
  add(vcpu: V): boolean {
    if (vcpu.account.index >= 0) return false;
    vcpu.account.index = this.items.length;
    this.items.push(vcpu);
    return true;
  }

  remove(vcpu: V): void {
    const index = vcpu.account.index;
    if (index < 0) return;
    const last = this.items.pop() as V;
    if (last !== vcpu) {
      this.items[index] = last;
      last.account.index = index;
    }
    vcpu.account.index = -1;
  }
}
