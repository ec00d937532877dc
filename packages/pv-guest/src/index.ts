// The package: kernels to run as guests.
export { assembleHelloKernel } from './x86/hello-kernel.js';
