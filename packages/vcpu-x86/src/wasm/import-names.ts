// How generated code names what it imports beside routines and slow paths, which have their own names.

/** A routine's ordinary cases take the state page's address before the routine's arguments. */
export const fastName = (routine: string): string => `fast ${routine}`;
/** What delivers an event. */
export const DELIVER_EVENT = 'deliver event';
/** The table of hot regions. */
export const REGION_TABLE = 'regions';
/** What goes on to the region at rIP, if there is one: a function of a region's parameters. */
export const NEXT_REGION = 'next region';
