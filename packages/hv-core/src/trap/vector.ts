// Vectors of exceptions, and bits of a page fault's error code. SDM 3A §6.3, §4.7.
export const VECTOR_DB = 1;
export const VECTOR_NMI = 2;
export const VECTOR_BP = 3;
export const VECTOR_OF = 4;
export const VECTOR_UD = 6;
export const VECTOR_NM = 7;
export const VECTOR_GP = 13;
export const VECTOR_PF = 14;

export const FAULT_PRESENT = 1;
export const FAULT_USER = 4;
