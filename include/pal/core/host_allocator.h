// Torch's memory on the CPU, with large tensors in blocks that are kept (host_blocks.h).
#pragma once

namespace pal {

// From now on, and for the rest of the program, tensors on the CPU of 256 KiB and more lie in kept blocks; smaller ones are allocated as before. For programs to
// call at their start: it replaces the process's one allocator, which is why the library never does it by itself. A second call does nothing.
void keep_host_blocks();

}  // namespace pal
