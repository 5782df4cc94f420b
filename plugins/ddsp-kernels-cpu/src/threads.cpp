#include "threads.h"

#include <dlfcn.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace ddsp {
namespace {

// Chunks of a call, each taken once.
class Chunks {
  public:
    Chunks(int64_t count, Task task, const void *context)
        : count_(count), task_(task), context_(context) {}

    void take() {
        for (int64_t chunk; (chunk = next_.fetch_add(1)) < count_;) task_(context_, chunk);
    }

  private:
    const int64_t count_;
    const Task task_;
    const void *const context_;
    std::atomic<int64_t> next_{0};
};

// Threads of our own.
class Pool {
  public:
    void run(int64_t helpers, Chunks &chunks) {
        std::unique_lock<std::mutex> lock(mutex_);
        for (; started_ < helpers; started_++) std::thread(&Pool::help, this).detach();
        chunks_ = &chunks;
        wanted_ = helpers;
        lock.unlock();
        work_.notify_all();
        chunks.take();
        lock.lock();
        wanted_ = 0;  // whoever has not woken up yet need not
        done_.wait(lock, [this] { return busy_ == 0; });
    }

  private:
    void help() {
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            work_.wait(lock, [this] { return wanted_ > 0; });
            wanted_--, busy_++;
            lock.unlock();
            chunks_->take();
            lock.lock();
            if (--busy_ == 0) done_.notify_one();
        }
    }

    std::mutex mutex_;
    std::condition_variable work_, done_;
    int64_t started_ = 0, wanted_ = 0, busy_ = 0;
    Chunks *chunks_ = nullptr;
};

typedef void (*OpenMp)(void (*work)(void *), void *context, unsigned threads, unsigned flags);

// The threads that torch works with, where this process has them. They wait for torch's next
// operation without letting go of their processors: they begin at once, and others would not.
OpenMp find_openmp() { return reinterpret_cast<OpenMp>(dlsym(RTLD_DEFAULT, "GOMP_parallel")); }

struct Threads {
    OpenMp openmp;
    Pool pool;
    std::mutex in_use;
};

// Never destroyed: a pool's threads wait on it until the process ends.
Threads *threads_here;

// A forked child has none of its parent's threads, and locks in any state; OpenMP does not notice.
void renew() { threads_here = new Threads{}; }

Threads &shared() {
    static std::once_flag once;
    std::call_once(once, [] {
        renew();
        threads_here->openmp = find_openmp();
        pthread_atfork(nullptr, nullptr, renew);
    });
    return *threads_here;
}

void run_shared(Threads &with, int64_t threads, int64_t count, Chunks &chunks) {
    // Always as many as torch uses: from one number to another, OpenMP ends threads and starts new.
    if (with.openmp)
        with.openmp([](void *all) { static_cast<Chunks *>(all)->take(); }, &chunks,
                    unsigned(threads), 0);
    else
        with.pool.run(std::min(threads, count) - 1, chunks);
}

}  // namespace

void run_chunks(int64_t threads, int64_t count, Task task, const void *context) {
    Chunks chunks(count, task, context);
    if (std::min(threads, count) > 1) {
        Threads &with = shared();
        std::unique_lock<std::mutex> use(with.in_use, std::try_to_lock);
        if (use.owns_lock()) return run_shared(with, threads, count, chunks);
    }
    chunks.take();
}

}  // namespace ddsp
