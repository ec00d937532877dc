// The compiled code that all machines of this process share, unless they are given a library of their own.
import { RegionLibrary } from '@proxeny/vcpu-x86';

export const processLibrary: RegionLibrary = new RegionLibrary();
