// The public names of @proxeny/memory.
export {
  type Gfn,
  type Gpa,
  type Gva,
  type Maddr,
  type Mfn,
  PAGE_MASK,
  PAGE_SHIFT,
  PAGE_SIZE,
} from './address.js';
export { FlatMemory } from './flat-memory.js';
export { GuestAddressError, type GuestMemory } from './guest-memory.js';
