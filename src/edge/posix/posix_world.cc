#include "edge/posix/posix_world.h"

#include <sodium.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/base/check.h"

namespace holdfast::edge {
namespace {

Instant read_clock(clockid_t id) {
  timespec t{};
  HF_CHECK(::clock_gettime(id, &t) == 0, "clock {}", static_cast<int>(id));
  return {static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec};
}

}  // namespace

Instant PosixClock::now() { return read_clock(CLOCK_REALTIME); }
Instant PosixClock::monotonic() { return read_clock(CLOCK_MONOTONIC); }

SodiumEntropy::SodiumEntropy() { HF_CHECK(::sodium_init() >= 0, "libsodium has no source of randomness"); }
void SodiumEntropy::fill(std::span<std::byte> into) { ::randombytes_buf(into.data(), into.size()); }

struct ThreadPool::Shared {
  std::mutex mutex;
  std::condition_variable work, done;
  std::uint64_t round = 0;  // one for each run() that has jobs for others
  std::size_t count = 0;
  const Job* job = nullptr;
  std::atomic<std::size_t> next{0};
  std::size_t busy = 0;  // threads that have not finished this round
  bool running = false, stop = false;
  std::vector<std::thread> threads;

  void take_jobs() {
    for (std::size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) (*job)(i);
  }

  void serve() {
    std::unique_lock lock(mutex);
    for (std::uint64_t seen = 0;;) {
      work.wait(lock, [&] { return stop || round != seen; });
      if (stop) return;
      seen = round;
      lock.unlock();
      take_jobs();
      lock.lock();
      if (--busy == 0) done.notify_one();
    }
  }
};

ThreadPool::ThreadPool(std::size_t threads) : shared_(std::make_unique<Shared>()) {
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  for (std::size_t i = 1; i < threads; ++i) shared_->threads.emplace_back([s = shared_.get()] { s->serve(); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
  }
  shared_->work.notify_all();
  for (auto& thread : shared_->threads) thread.join();
}

void ThreadPool::run(std::size_t count, const Job& job, const std::function<void()>& meanwhile) {
  Shared& s = *shared_;
  if (s.threads.empty() || count == 0 || (count == 1 && !meanwhile)) {  // nothing to share out
    if (meanwhile) meanwhile();
    for (std::size_t i = 0; i < count; ++i) job(i);
    return;
  }
  {
    std::lock_guard lock(s.mutex);
    HF_CHECK(!s.running, "run() within run()");
    s.running = true;
    s.count = count;
    s.job = &job;
    s.next.store(0, std::memory_order_relaxed);
    s.busy = s.threads.size();
    ++s.round;
  }
  s.work.notify_all();
  if (meanwhile) meanwhile();
  s.take_jobs();
  std::unique_lock lock(s.mutex);
  s.done.wait(lock, [&] { return s.busy == 0; });
  s.running = false;
}

}  // namespace holdfast::edge
