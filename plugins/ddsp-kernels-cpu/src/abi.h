// What a C function of this library looks like from outside.
//
// To add a kernel: put it into a new src/NAME.cpp (the build compiles src/*.cpp, once for each
// instruction set, each into a library of its own, so nothing needs a namespace per set). Mark its
// entry points EXPORT. They take raw pointers to float32 (or int64) data, sizes as int64_t, strides
// in elements, and a thread count as int64_t; they return nothing and cannot fail, since ddspcore
// has checked shapes and allocated outputs. Declare them in ddspcore/kernels/cpu/library.py, and
// raise the number in abi.cpp and there.
#pragma once

#define EXPORT extern "C" __attribute__((visibility("default")))
