// Shared work: few large chunks, taken in turn by the caller and by threads that wait for work.
#pragma once

#include <cstdint>

namespace ddsp {

typedef void (*Task)(const void *context, int64_t chunk);

void run_chunks(int64_t threads, int64_t chunks, Task task, const void *context);

// Calls work(chunk) once for each chunk in 0..chunks-1, on at most `threads` threads, and returns
// when all are done. Which thread takes which chunk is left to chance: chunks must not depend on
// each other, and the split into chunks must not depend on `threads`. With one thread or one
// chunk, or while another call is using the threads, the caller does it all.
template <typename Work>
void parallel_for(int64_t threads, int64_t chunks, const Work &work) {
    run_chunks(
        threads, chunks,
        [](const void *context, int64_t chunk) { (*static_cast<const Work *>(context))(chunk); },
        &work);
}

}  // namespace ddsp
