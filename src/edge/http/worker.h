// One thread for what takes long and must hold up neither the node nor the server: Argon2id, files of people.
//
// Shape:  jobs run one after another; at most waiting_max wait, and as many of those that go first.
// Thread: any. The destructor runs what waits and ends the thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace holdfast::http {

class Worker {
 public:
  explicit Worker(std::size_t waiting_max = 64) : waiting_max_(waiting_max), thread_([this] { run(); }) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  // False: too many wait; the job is not taken.
  bool post(std::function<void()> job) { return post_to(jobs_, std::move(job)); }
  bool post_first(std::function<void()> job) { return post_to(first_, std::move(job)); }  // before those of post()

 private:
  using Jobs = std::deque<std::function<void()>>;
  bool post_to(Jobs& jobs, std::function<void()> job) {
    {
      const std::lock_guard lock(mutex_);
      if (jobs.size() >= waiting_max_) return false;
      jobs.push_back(std::move(job));
    }
    wake_.notify_one();
    return true;
  }
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [&] { return ending_ || !jobs_.empty() || !first_.empty(); });
      Jobs& jobs = first_.empty() ? jobs_ : first_;
      if (jobs.empty()) return;
      auto job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      job();
      job = nullptr;
      lock.lock();
    }
  }

  const std::size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Jobs first_, jobs_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace holdfast::http
