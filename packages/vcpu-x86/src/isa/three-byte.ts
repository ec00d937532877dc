// The 0F 38 map without SSE: facts only (SDM vol. 2D, table A-4); 0F 3A holds only SSE. 66 also chooses the operand size
// of MOVBE and CRC32. Grammar of a row: row.ts.
export const threeByte = [
  ['NP 0F 38 F0 /r mem', 'MOVBE Gv,Mv', '', 'movbe'],
  ['NP 0F 38 F1 /r mem', 'MOVBE Mv,Gv', '', 'movbe'],
  ['66 0F 38 F0 /r mem', 'MOVBE Gv,Mv', '', 'movbe'],
  ['66 0F 38 F1 /r mem', 'MOVBE Mv,Gv', '', 'movbe'],
  ['F2 0F 38 F0 /r', 'CRC32 Gy,Eb', '', 'sse42'],
  ['F2 0F 38 F1 /r', 'CRC32 Gy,Ev', '', 'sse42'],
  ['66 0F 38 82 /r mem', 'INVPCID Gy,Mx', '', 'cpl0 f64 invpcid unaligned'],
] as const;
