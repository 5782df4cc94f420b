#include "threads.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace ddsp {
namespace {

class Pool {
  public:
    void run(int64_t helpers, int64_t chunks, Task task, const void *context) {
        std::unique_lock<std::mutex> lock(mutex_);
        for (; started_ < helpers; started_++) std::thread(&Pool::help, this).detach();
        task_ = task, context_ = context, chunks_ = chunks;
        next_ = 0;
        wanted_ = helpers;
        lock.unlock();
        work_.notify_all();
        take_chunks();
        lock.lock();
        wanted_ = 0;  // whoever has not woken up yet need not
        done_.wait(lock, [this] { return busy_ == 0; });
    }

    std::mutex in_use;

  private:
    void help() {
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            work_.wait(lock, [this] { return wanted_ > 0; });
            wanted_--, busy_++;
            lock.unlock();
            take_chunks();
            lock.lock();
            if (--busy_ == 0) done_.notify_one();
        }
    }

    void take_chunks() {
        for (int64_t chunk; (chunk = next_.fetch_add(1)) < chunks_;) task_(context_, chunk);
    }

    std::mutex mutex_;
    std::condition_variable work_, done_;
    std::atomic<int64_t> next_{0};
    int64_t started_ = 0, wanted_ = 0, busy_ = 0, chunks_ = 0;
    Task task_ = nullptr;
    const void *context_ = nullptr;
};

// Never destroyed: its threads wait on it until the process ends.
Pool *pool;

// A forked child has none of its parent's threads, and locks in any state.
void renew_pool() { pool = new Pool; }

Pool &shared_pool() {
    static std::once_flag once;
    std::call_once(once, [] {
        renew_pool();
        pthread_atfork(nullptr, nullptr, renew_pool);
    });
    return *pool;
}

}  // namespace

void run_chunks(int64_t threads, int64_t chunks, Task task, const void *context) {
    int64_t helpers = std::min(threads, chunks) - 1;
    if (helpers > 0) {
        Pool &shared = shared_pool();
        std::unique_lock<std::mutex> use(shared.in_use, std::try_to_lock);
        if (use.owns_lock()) return shared.run(helpers, chunks, task, context);
    }
    for (int64_t chunk = 0; chunk < chunks; chunk++) task(context, chunk);
}

}  // namespace ddsp
