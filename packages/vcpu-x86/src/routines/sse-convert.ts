// Conversions of SSE and SSE2 (SDM vol. 1 §11.4.1.6): the routines that semantics/sse-convert.ts calls. Arguments: offsets of
// destination and source in the state page; general registers pass through SCRATCH, with _64 in the name for 64 bits.
// @hot
import type { Routine } from '../core.js';
import {
  float32ToFloat64,
  float32ToInt,
  float64ToFloat32,
  float64ToInt,
  int32ToFloat32,
  int32ToFloat64,
  int64ToFloat32,
  int64ToFloat64,
} from '../float/sse-convert.js';
import { type Conversion, convert } from './sse-elements.js';

const psToPd: Conversion = (mxcsr, low) => float32ToFloat64(mxcsr, low);
const pdToPs: Conversion = (mxcsr, low, high) => float64ToFloat32(mxcsr, high, low);
const dqToPs: Conversion = (mxcsr, low) => int32ToFloat32(mxcsr, low);
const dqToPd: Conversion = (_mxcsr, low) => int32ToFloat64(low);
const qToSs: Conversion = (mxcsr, low, high) => int64ToFloat32(mxcsr, high, low);
const qToSd: Conversion = (mxcsr, low, high) => int64ToFloat64(mxcsr, high, low);
const psToInt =
  (bits: 32 | 64, truncate: 0 | 1): Conversion =>
  (mxcsr, low) =>
    float32ToInt(mxcsr, bits, truncate, low);
const pdToInt =
  (bits: 32 | 64, truncate: 0 | 1): Conversion =>
  (mxcsr, low, high) =>
    float64ToInt(mxcsr, bits, truncate, high, low);

export const sseConvertRoutines = {
  CVTPI2PS: convert(2, 1, 1, 2, dqToPs),
  CVTPI2PD: convert(2, 1, 2, 4, dqToPd),
  CVTSI2SS: convert(1, 1, 1, 1, dqToPs),
  CVTSI2SS_64: convert(1, 2, 1, 1, qToSs),
  CVTSI2SD: convert(1, 1, 2, 2, dqToPd),
  CVTSI2SD_64: convert(1, 2, 2, 2, qToSd),
  CVTTPS2PI: convert(2, 1, 1, 2, psToInt(32, 1)),
  CVTPS2PI: convert(2, 1, 1, 2, psToInt(32, 0)),
  CVTTPD2PI: convert(2, 2, 1, 2, pdToInt(32, 1)),
  CVTPD2PI: convert(2, 2, 1, 2, pdToInt(32, 0)),
  CVTTSS2SI: convert(1, 1, 1, 1, psToInt(32, 1)),
  CVTTSS2SI_64: convert(1, 1, 2, 2, psToInt(64, 1)),
  CVTTSD2SI: convert(1, 2, 1, 1, pdToInt(32, 1)),
  CVTTSD2SI_64: convert(1, 2, 2, 2, pdToInt(64, 1)),
  CVTSS2SI: convert(1, 1, 1, 1, psToInt(32, 0)),
  CVTSS2SI_64: convert(1, 1, 2, 2, psToInt(64, 0)),
  CVTSD2SI: convert(1, 2, 1, 1, pdToInt(32, 0)),
  CVTSD2SI_64: convert(1, 2, 2, 2, pdToInt(64, 0)),
  CVTPS2PD: convert(2, 1, 2, 4, psToPd),
  CVTPD2PS: convert(2, 2, 1, 4, pdToPs),
  CVTSS2SD: convert(1, 1, 2, 2, psToPd),
  CVTSD2SS: convert(1, 2, 1, 1, pdToPs),
  CVTDQ2PS: convert(4, 1, 1, 4, dqToPs),
  CVTDQ2PD: convert(2, 1, 2, 4, dqToPd),
  CVTPS2DQ: convert(4, 1, 1, 4, psToInt(32, 0)),
  CVTTPS2DQ: convert(4, 1, 1, 4, psToInt(32, 1)),
  CVTPD2DQ: convert(2, 2, 1, 4, pdToInt(32, 0)),
  CVTTPD2DQ: convert(2, 2, 1, 4, pdToInt(32, 1)),
} as const satisfies Record<string, Routine>;
