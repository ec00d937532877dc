// 9P over virtio (VIRTIO 1.2 §5.9), and the messages of 9P2000.L (as Linux' fs/9p speaks it): T is asked, R = T + 1 answers.
export const VIRTIO_ID_9P = 9;
export const VIRTIO_9P_F_MOUNT_TAG = 0;

/** Of every message: size (4), type (1), tag (2). */
export const P9_HEADER_BYTES = 7;
export const P9_RLERROR = 7;
export const P9_TSTATFS = 8;
export const P9_TLOPEN = 12;
export const P9_TLCREATE = 14;
export const P9_TSYMLINK = 16;
export const P9_TMKNOD = 18;
export const P9_TREADLINK = 22;
export const P9_TGETATTR = 24;
export const P9_TSETATTR = 26;
export const P9_TREADDIR = 40;
export const P9_TFSYNC = 50;
export const P9_TLOCK = 52;
export const P9_TGETLOCK = 54;
export const P9_TLINK = 70;
export const P9_TMKDIR = 72;
export const P9_TRENAMEAT = 74;
export const P9_TUNLINKAT = 76;
export const P9_TVERSION = 100;
export const P9_TATTACH = 104;
export const P9_TFLUSH = 108;
export const P9_TWALK = 110;
export const P9_TREAD = 116;
export const P9_TWRITE = 118;
export const P9_TCLUNK = 120;
export const P9_TREMOVE = 122;

export const P9_VERSION = '9P2000.L';
/** Names of one walk. */
export const P9_MAX_WALK = 16;

/** The kind in a qid. */
export const P9_QTDIR = 0x80;
export const P9_QTSYMLINK = 0x02;
export const P9_QTFILE = 0;

/** Which of its values a Tsetattr means. */
export const P9_SETATTR_MODE = 1;
export const P9_SETATTR_UID = 2;
export const P9_SETATTR_GID = 4;
export const P9_SETATTR_SIZE = 8;
export const P9_SETATTR_ATIME = 16;
export const P9_SETATTR_MTIME = 32;
export const P9_SETATTR_ATIME_SET = 128;
export const P9_SETATTR_MTIME_SET = 256;
/** All that Tgetattr can ask for but birth time, generation and version. */
export const P9_GETATTR_BASIC = 0x7ff;

export const P9_UNLINKAT_DIRECTORY = 0x200;
export const P9_LOCK_SUCCESS = 0;
export const P9_UNLOCKED = 2;
