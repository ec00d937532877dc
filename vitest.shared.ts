// What every package's vitest configuration shares: imports of sibling packages go to their sources, so tests need no build.
export const sourceConditions = {
  resolve: { conditions: ['proxeny-source'] },
  ssr: { resolve: { conditions: ['proxeny-source'] } },
};
