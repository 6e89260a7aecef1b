// For tests: a node whose state a test sets up, which takes each write once, and a thread to run it on.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "edge/http/node_access.h"

namespace holdfast::http {

class FakeNode final : public node::Node {
 public:
  FakeNode() {
    file.chain = "holdfast.example/test";
    file.currency = {"GBP", 2};
    file.languages = {"en", "fr"};
    file.vat_rates = {{VatCode("S"), "standard", 200'000}, {VatCode("R"), "reduced", 55'000}};
    chain::Site site;
    site.name = SiteName("store-01");
    file.sites.push_back(site);
    safety_now.origin = {file.chain, SiteName("store-01"), 1};
    fold_state.site = SiteName("store-01");
    fold_state.chain = file.chain;
    fold_state.epoch = 1;
  }

  void on_connected(ConnectionId, const PublicKey&, bool) override {}
  void on_message(ConnectionId, Bytes) override {}
  void on_closed(ConnectionId) override {}

  void submit(fold::WriteRequest request, Answer answer) override {
    if (is_stopped) return answer(fail("node/stopped", "This node has been replaced."));
    waiting.emplace_back(std::move(request), std::move(answer));
  }
  Status cut_link(const SiteName& site, const SubjectId&) override {
    if (site != SiteName("store-02")) return fail("node/unknown_link", "There is no link with this site.");
    cut = true;
    return {};
  }
  Status open_link(const SiteName&, const SubjectId&) override {
    cut = false;
    return {};
  }
  void raise(guard::Alert alert) override { alerts.push_back(std::move(alert)); }
  void set_posture(guard::SetPosture order, PostureAnswer answer) override {
    auto decided = guard::decide(fold_state.guard, order);
    if (decided) guard::apply(fold_state.guard, *decided, Instant{1});
    if (answer) answer(decided ? Status() : Status(pass_on(decided.error())));
  }
  void set_rules(guard::Rules wanted) override { rules_now = std::move(wanted); }
  const guard::Rules& rules() const override { return rules_now; }
  void on_posture(std::function<void(guard::Posture)>) override {}
  node::PostureView posture() const override { return {fold_state.guard.posture, true}; }
  Status turn() override {
    ++turns;
    for (auto& [request, answer] : std::exchange(waiting, {})) {
      const fold::WriteKey key{request.till, request.key};
      const bool again = taken.contains(key);
      if (!again) {
        fold::Taken now{.origin = safety_now.origin, .index = safety_now.size++};
        now.at = Instant{1};
        if (std::holds_alternative<till::RecordSale>(request.command)) {
          now.receipt = ReceiptNumber{request.till, SeriesId{1}, taken.size() + 1};
          now.total = Money{255};
        }
        taken[key] = now;
        fold_state.writes[key] = {.epoch = 1, .index = now.index};
        requests.push_back(request);
      }
      fold::Taken reply = taken[key];
      reply.duplicate = again;
      answer(reply);
    }
    return {};
  }
  Instant wake_at() const override { return Instant{INT64_MAX}; }
  Status stop() override { return {}; }

  const fold::State& state() const override { return fold_state; }
  const chain::ChainFile& chain_file() const override { return file; }
  node::Safety safety() const override { return safety_now; }
  std::vector<node::SiteView> sites() const override {
    node::SiteView here;
    here.site = safety_now.origin.site;
    here.is_here = true;
    here.origin = safety_now.origin;
    here.size = safety_now.size;
    here.cosigned_size = safety_now.cosigned_size;
    here.totals = &fold_state.till.totals;
    return {here};
  }
  std::vector<node::LinkView> links() const override {
    node::LinkView link;
    link.to = SiteName("store-02");
    link.state = cut ? node::LinkState::cut : node::LinkState::up;
    link.mirrors_us = true;
    return {link};
  }
  std::optional<node::RecoveryReport> recovery() const override { return std::nullopt; }
  std::optional<node::Progress> progress() const override {
    if (!is_rebuilding) return std::nullopt;
    return node::Progress{};
  }
  void keep_on_spare(Bytes) override {}
  const SpareWord& word_of_spare() const override { return spare_word_; }
  void tell_spare(Bytes) override {}
  SpareWord spare_word_;
  node::Phase phase() const override { return node::Phase::signing; }
  Result<fold::Event> read(std::uint32_t, EntryIndex index) const override {
    const auto found = events.find(index);
    if (found == events.end()) return fail("journal/damaged", "no such entry");
    return found->second;
  }
  Result<Hash> root_of(const Origin&, std::uint64_t) const override { return Hash{}; }
  const Counters& counters() const override { return numbers; }

  chain::ChainFile file;
  fold::State fold_state;
  node::Safety safety_now;
  std::map<EntryIndex, fold::Event> events;
  std::map<fold::WriteKey, fold::Taken> taken;
  std::vector<fold::WriteRequest> requests;
  std::vector<std::pair<fold::WriteRequest, Answer>> waiting;
  std::vector<guard::Alert> alerts;
  guard::Rules rules_now;
  Counters numbers;
  std::size_t turns = 0;
  bool cut = false, is_stopped = false, is_rebuilding = false;
};

// Runs tasks on a thread of its own, a turn after each batch of changes.
class FakeNodeThread final : public NodeAccess {
 public:
  explicit FakeNodeThread(FakeNode& node) : node_(node), thread_([this] { run(); }) {}
  ~FakeNodeThread() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  void change(std::function<void(node::Node&)> task) override {
    post([this, task = std::move(task)] { task(node_); });
  }
  void read(std::function<void(const node::Node&)> task) override {
    post([this, task = std::move(task)] { task(node_); });
  }

 private:
  void post(std::function<void()> task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
  }
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [&] { return ending_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      auto tasks = std::exchange(tasks_, {});
      lock.unlock();
      for (auto& task : tasks) task();
      if (!node_.waiting.empty()) static_cast<void>(node_.turn());
      lock.lock();
    }
  }
  FakeNode& node_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace holdfast::http
