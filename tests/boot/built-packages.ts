// Boots run what a user gets: the bundles, which are built first if they are not up to date.
import { buildPackages } from '../../tools/build-packages.js';

export function setup(): void {
  const failure = buildPackages();
  if (failure !== '') throw new Error(failure);
}
