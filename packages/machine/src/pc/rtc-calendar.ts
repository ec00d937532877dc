// The calendar of the MC146818: time registers in BCD or binary, 12 or 24 hours, and the alarm's match (datasheet, table 3).
// Times are whole seconds since 1970-01-01 as the guest's registers say them (UTC or local time: the guest's choice).

/** Register B, bit 1: hours count to 24. */
export const RTC_B_24H = 0x02;
/** Register B, bit 2: registers hold binary numbers, not BCD. */
export const RTC_B_BINARY = 0x04;

export const RTC_SECONDS = 0x00;
export const RTC_SECONDS_ALARM = 0x01;
export const RTC_MINUTES = 0x02;
export const RTC_MINUTES_ALARM = 0x03;
export const RTC_HOURS = 0x04;
export const RTC_HOURS_ALARM = 0x05;
export const RTC_DAY_OF_WEEK = 0x06;
export const RTC_DAY_OF_MONTH = 0x07;
export const RTC_MONTH = 0x08;
export const RTC_YEAR = 0x09;
/** Not in the chip: the byte of CMOS where every PC since the PS/2 keeps the century. */
export const RTC_CENTURY = 0x32;

const DAY_SECONDS = 86400;

/** Whether `index` is one of the registers the clock counts in. */
export function isTimeRegister(index: number): boolean {
  return index <= RTC_HOURS
    ? (index & 1) === 0
    : (index >= RTC_DAY_OF_WEEK && index <= RTC_YEAR) || index === RTC_CENTURY;
}

/** Writes the time registers of `cmos` for `seconds`, in the format that register B says. */
export function encodeTime(cmos: Uint8Array, seconds: number, registerB: number): void {
  const date = new Date(seconds * 1000);
  const year = date.getUTCFullYear();
  cmos[RTC_SECONDS] = encode(date.getUTCSeconds(), registerB);
  cmos[RTC_MINUTES] = encode(date.getUTCMinutes(), registerB);
  const hours = date.getUTCHours();
  if ((registerB & RTC_B_24H) !== 0) cmos[RTC_HOURS] = encode(hours, registerB);
  else cmos[RTC_HOURS] = encode(hours % 12 || 12, registerB) | (hours >= 12 ? 0x80 : 0);
  cmos[RTC_DAY_OF_WEEK] = encode(date.getUTCDay() + 1, registerB);
  cmos[RTC_DAY_OF_MONTH] = encode(date.getUTCDate(), registerB);
  cmos[RTC_MONTH] = encode(date.getUTCMonth() + 1, registerB);
  cmos[RTC_YEAR] = encode(year % 100, registerB);
  cmos[RTC_CENTURY] = encode(Math.floor(year / 100) % 100, registerB);
}

/** The time that the registers of `cmos` say. Fields out of range carry over into the next one, as in a real calendar. */
export function decodeTime(cmos: Uint8Array, registerB: number): number {
  const year = decode(cmos[RTC_CENTURY], registerB) * 100 + decode(cmos[RTC_YEAR], registerB);
  const ms = Date.UTC(
    year,
    decode(cmos[RTC_MONTH], registerB) - 1,
    decode(cmos[RTC_DAY_OF_MONTH], registerB),
    decodeHours(cmos[RTC_HOURS], registerB),
    decode(cmos[RTC_MINUTES], registerB),
    decode(cmos[RTC_SECONDS], registerB),
  );
  return ms / 1000;
}

/** The first second after `after` that matches the alarm registers; 0xC0-0xFF match every value. Infinity: none ever does. */
export function nextAlarm(cmos: Uint8Array, registerB: number, after: number): number {
  const hours = alarmField(cmos[RTC_HOURS_ALARM], registerB, decodeHours);
  const minutes = alarmField(cmos[RTC_MINUTES_ALARM], registerB, decode);
  const seconds = alarmField(cmos[RTC_SECONDS_ALARM], registerB, decode);
  let at = after + 1;
  while (at <= after + DAY_SECONDS) {
    const time = ((at % DAY_SECONDS) + DAY_SECONDS) % DAY_SECONDS;
    if (hours >= 0 && Math.floor(time / 3600) !== hours) at += 3600 - (time % 3600);
    else if (minutes >= 0 && Math.floor(time / 60) % 60 !== minutes) at += 60 - (time % 60);
    else if (seconds >= 0 && time % 60 !== seconds) at += 1;
    else return at;
  }
  return Infinity;
}

function encode(value: number, registerB: number): number {
  return (registerB & RTC_B_BINARY) !== 0 ? value : (Math.floor(value / 10) << 4) | (value % 10);
}

function decode(value: number, registerB: number): number {
  return (registerB & RTC_B_BINARY) !== 0 ? value : (value >> 4) * 10 + (value & 15);
}

function decodeHours(value: number, registerB: number): number {
  if ((registerB & RTC_B_24H) !== 0) return decode(value, registerB);
  return (decode(value & 0x7f, registerB) % 12) + ((value & 0x80) !== 0 ? 12 : 0);
}

function alarmField(
  value: number,
  registerB: number,
  decodeField: (value: number, registerB: number) => number,
): number {
  return value >= 0xc0 ? -1 : decodeField(value, registerB);
}
