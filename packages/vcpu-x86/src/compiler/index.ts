// The compiler of hot regions alone, for a thread that compiles for others.
export {
  type CompileAnswer,
  type CompileQuestion,
  CompileServer,
} from '../region/compile-server.js';
