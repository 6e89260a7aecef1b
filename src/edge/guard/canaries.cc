#include "edge/guard/canaries.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace holdfast::guard {

// Where the threads leave what they have seen. What they use lives here, because they may outlive all else.
struct Canaries::Mailbox {
  using Steady = std::chrono::steady_clock;
  enum class State : std::uint8_t { not_yet_known, here, missing, unreachable };
  struct Canary {
    State told = State::not_yet_known;
    std::optional<FileLook> last;  // of those that are compared: as it was when it could be looked at
    std::optional<Steady::time_point> asked_at;
  };

  explicit Mailbox(Settings wanted)
      : settings(std::move(wanted)),
        fan("canary", "a canary file", !settings.weak && !settings.paths.empty()),
        wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        canaries(settings.paths.size()) {}

  const Settings settings;
  const FanGroup fan;
  const edge::Descriptor wake;
  std::mutex mutex;  // of all that follows
  std::condition_variable changed;
  bool is_over = false;
  std::vector<Canary> canaries;
  std::vector<Touched> touched;
  std::vector<News> news;

  // The whole of a canary's thread.
  void watch(std::size_t at) {
    const std::string& path = settings.paths[at];
    bool weak = !fan.valid();
    while (begin(at)) {
      if (!weak) {
        const int error = fan.mark(path, false);
        weak = error != 0 && !is_gone(error);
        if (weak) tell_weak(path, error);
      }
      deliver(at, settings.look(path, weak), weak);
      std::unique_lock lock(mutex);
      changed.wait_for(lock, std::chrono::nanoseconds(settings.pause.ns), [&] { return is_over; });
    }
  }
  bool begin(std::size_t at) {
    const std::lock_guard lock(mutex);
    canaries[at].asked_at = Steady::now();
    return !is_over;
  }
  void deliver(std::size_t at, const FileLook& look, bool is_compared) {
    const std::lock_guard lock(mutex);
    Canary& canary = canaries[at];
    canary.asked_at.reset();
    if (!look.is_known()) return tell(at, State::unreachable, std::generic_category().message(look.error));
    if (is_compared && canary.last && canary.last->is_there() && *canary.last != look) {
      touched.push_back({"canary", fmt::format("{} was {} by another process", settings.paths[at],
                                               look.is_there() ? "changed" : "removed")});
      ring();
    }
    if (is_compared) canary.last = look;
    const bool is_here = look.is_there() && look.is_plain;
    tell(at, is_here ? State::here : State::missing, look.is_there() ? "it is no plain file" : "it is not there");
  }
  // Under the mutex, as all below.
  void tell(std::size_t at, State state, const std::string& why) {
    const State before = std::exchange(canaries[at].told, state);
    if (before == state || (before == State::not_yet_known && state == State::here)) return;
    News each{.event = "canary-here", .path = settings.paths[at], .why = "", .what_to_do = "nothing: it is watched"};
    if (state == State::missing) {
      each.event = "canary-missing";
      each.why = why;
      each.what_to_do =
          "put it there, or take it out of guard.toml. What lies below /home, /root and /tmp the unit does not see";
    } else if (state == State::unreachable) {
      each.event = "canary-unreachable";
      each.why = why;
      each.what_to_do =
          "nobody is told who touches it until it can be looked at again. Is its disk or file server there?";
    }
    news.push_back(std::move(each));
    ring();
  }
  void ring() const {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(wake.get(), &one, sizeof one));
  }
  void tell_weak(const std::string& path, int error) {
    const std::lock_guard lock(mutex);
    news.push_back({"canary-weak", path, fmt::format("fanotify: {}", std::generic_category().message(error)),
                    "nothing: it is compared every second. A canary on a disk of this machine is told of at once"});
    ring();
  }
  void look_for_silence() {
    const auto patience = std::chrono::nanoseconds(settings.patience.ns);
    for (std::size_t at = 0; at < canaries.size(); ++at)
      if (canaries[at].asked_at && Steady::now() - *canaries[at].asked_at >= patience)
        tell(at, State::unreachable, "a look at it has not come back: the file server of its mount does not answer");
  }
};

Canaries::Canaries(Settings settings) : mailbox_(std::make_shared<Mailbox>(std::move(settings))) {
  for (std::size_t at = 0; at < mailbox_->settings.paths.size(); ++at) {
    try {
      std::thread([box = mailbox_, at] { box->watch(at); }).detach();
    } catch (const std::system_error& error) {
      const std::lock_guard lock(mailbox_->mutex);
      mailbox_->tell(at, Mailbox::State::unreachable, fmt::format("no thread for it: {}", error.code().message()));
    }
  }
}

Canaries::~Canaries() {
  {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->is_over = true;
  }
  mailbox_->changed.notify_all();
}

std::vector<int> Canaries::descriptors() const {
  std::vector<int> out{mailbox_->wake.get()};
  if (mailbox_->fan.valid()) out.push_back(mailbox_->fan.descriptor());
  return out;
}

bool Canaries::weak() const { return !mailbox_->settings.paths.empty() && !mailbox_->fan.valid(); }

std::vector<Touched> Canaries::take() {
  std::uint64_t rung = 0;
  static_cast<void>(!::read(mailbox_->wake.get(), &rung, sizeof rung));
  std::vector<Touched> out;
  {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->look_for_silence();
    out = std::exchange(mailbox_->touched, {});
  }
  if (mailbox_->fan.valid()) mailbox_->fan.read(out);
  return out;
}

std::vector<Canaries::News> Canaries::news() {
  const std::lock_guard lock(mailbox_->mutex);
  return std::exchange(mailbox_->news, {});
}

}  // namespace holdfast::guard
