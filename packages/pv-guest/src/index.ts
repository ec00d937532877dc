// The package: kernels to run as guests, as machine code and as TypeScript.
export {
  Blkfront,
  type BlkfrontOptions,
  type BlkfrontResponse,
  type BlkfrontSegment,
} from './native/blkfront.js';
export { FrontDevice, type FrontKernel, type FrontStore } from './native/front-device.js';
export { FrontRing } from './native/front-ring.js';
export { GuestEvents } from './native/guest-events.js';
export { GuestGrants } from './native/guest-grants.js';
export {
  type ComputeAction,
  compute,
  type HypercallAction,
  hypercall,
  type NativeAction,
  type NativeArgument,
  type NativeCode,
} from './native/native-code.js';
export { NativeCpu, type NativeKernel } from './native/native-cpu.js';
export {
  NativeGuest,
  NativePageFault,
  type RecordResult,
  type RecordValues,
} from './native/native-guest.js';
export type { NativeVcpu } from './native/native-vcpu.js';
export {
  Netfront,
  type NetfrontFrame,
  type NetfrontOptions,
  type NetfrontSlot,
} from './native/netfront.js';
export { VirtioChannel } from './native/virtio-channel.js';
export { VirtioQueue, type VirtioQueueOptions } from './native/virtio-queue.js';
export { assembleHelloKernel } from './x86/hello-kernel.js';
export { assemblePairKernel } from './x86/pair-kernel.js';
