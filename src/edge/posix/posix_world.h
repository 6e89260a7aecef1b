// The real clock, randomness and threads.
#pragma once

#include <memory>

#include "core/base/world.h"

namespace holdfast::edge {

// CLOCK_REALTIME and CLOCK_MONOTONIC. Thread: any.
class PosixClock final : public Clock {
 public:
  Instant now() override;
  Instant monotonic() override;
};

// libsodium's generator, which is the kernel's. Thread: any.
class SodiumEntropy final : public Entropy {
 public:
  SodiumEntropy();
  void fill(std::span<std::byte> into) override;
};

// A fixed number of threads; the caller of run() works too, so that ThreadPool(1) starts none.
// Shape:  each job runs once; which thread runs it, and when, is left open, so jobs write only to their own place.
//         Everything a job wrote is seen by the caller of run() when it returns.
// Thread: run() is called by one thread at a time, and never from a job or from `meanwhile`.
class ThreadPool final : public Executor {
 public:
  explicit ThreadPool(std::size_t threads);  // 0: as many as the machine has
  ~ThreadPool() override;
  using Executor::run;
  void run(std::size_t count, const Job& job, const std::function<void()>& meanwhile) override;

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace holdfast::edge
