// The 1st, the 2nd, ... the Nth operation of the disk or the network fails, until the body passes unharmed; after each,
// what is on the disk is opened again. Nothing acknowledged is missing, nothing is there twice, and who could not go on
// has said why (protocol 1.1, 1.2, 2.3). Source: SQLite's malloc and I/O error tests.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "core/journal/log.h"
#include "core/journal/note.h"
#include "core/journal/peek.h"
#include "core/journal/tiles.h"
#include "sim/faulty_world.h"
#include "sim/spare_test_support.h"

namespace holdfast::sim {
namespace {

void tell(const std::string& body, std::string_view how, std::uint64_t tried) {
  fmt::print("nth failure: {}, {}: {} tried\n", body, how, tried);
  EXPECT_GT(tried, 0u) << body << ": no operation was counted";
}
constexpr std::string_view to_text(FailureKind fault) { return fault == FailureKind::error ? "error" : "power cut"; }
void expect_clear(const Error& error) {
  EXPECT_TRUE(error.code.starts_with("base/disk") || error.code == "journal/damaged") << error.code;
  EXPECT_GT(error.text.size(), 15u);
}

// ---- one journal: open, append, commit, export, import

const Origin alone{"holdfast.example/acme", SiteName("store-07"), 1};

struct Journal {
  SimDisk disk{Random(7)}, elsewhere{Random(8)};
  FailurePlan faults;
  FaultyDisk faulty{disk, faults}, faulty_elsewhere{elsewhere, faults};
  SerialExecutor executor;
  Random keys{9};
  SimSigner signer{keys, Signatures::real};
  std::unique_ptr<journal::Log> log;
  std::uint64_t acknowledged = 0, attempted = 0, checkpoint = 0, exported = 0;

  Status open() {
    HF_TRY(log, journal::Log::open(faulty, executor, alone));
    return {};
  }
  static std::string entry(std::uint64_t index, std::size_t bytes) {
    std::string text = fmt::format("entry {} ", index);
    text.resize(std::max(text.size(), bytes), 'x');
    return text;
  }
  void append(std::uint64_t count, std::size_t bytes = 0) {
    for (std::uint64_t i = 0; i < count; ++i) log->append(as_bytes(entry(log->size(), bytes)));
    attempted = std::max(attempted, log->size());
  }
  Status commit() {
    HF_TRY_VOID(log->commit());
    acknowledged = log->durable_size();
    return {};
  }
  std::string note(std::uint64_t size) {
    const auto made = journal::sign_checkpoint({alone, size, *log->root_at(size)}, signer.public_key(KeyUse::log),
                                               [&](ByteView text) { return signer.sign(KeyUse::log, text); });
    return journal::to_text(made.note);
  }
  Status sign() {
    HF_TRY_VOID(log->put_checkpoint(log->size(), note(log->size())));
    checkpoint = log->size();
    return {};
  }
  Status export_all() {
    HF_TRY(const auto done, journal::export_tiles(*log, log->last_checkpoint(), faulty_elsewhere, "out"));
    exported = done.size;
    return {};
  }
  // From what the export left: its size; 0: nothing yet.
  Result<std::uint64_t> import_into(SimDisk& empty) {
    HF_TRY(const auto taken, journal::Log::open(empty, executor, alone));
    return journal::import_tiles(elsewhere, "out", *taken);
  }
};

struct LogBody {
  const char* name;
  std::function<void(Journal&)> prepare;
  std::function<Status(Journal&)> run;
};
// Unharmed while nothing is armed.
void must(const Status& status) { ASSERT_TRUE(status.has_value()) << status.error().text; }

void fill(Journal& j, std::uint64_t entries) {
  must(j.open());
  j.append(entries);
  must(j.commit());
  must(j.sign());
}

const std::vector<LogBody>& log_bodies() {
  static const std::vector<LogBody> all = {
      {"open",
       [](Journal& j) {
         fill(j, 5);
         must(j.open());
         j.append(2);
         must(j.commit());
         j.log.reset();
       },
       [](Journal& j) { return j.open(); }},
      {"append",
       [](Journal& j) {
         fill(j, 300);
         must(j.open());
       },
       [](Journal& j) -> Status {
         j.append(20);
         for (const EntryIndex index : {0, 299, 300, 319}) HF_TRY_VOID(j.log->read(index));
         HF_TRY_VOID(j.log->scan(0, j.log->size(), [](EntryIndex, ByteView) { return Status(); }));
         return j.commit();
       }},
      {"commit", [](Journal& j) { fill(j, 3); },
       [](Journal& j) -> Status {
         for (int i = 0; i < 8; ++i) {  // past the end of a segment, and of the next
           j.append(2, 60'000);
           HF_TRY_VOID(j.commit());
           if (i % 3 == 0) HF_TRY_VOID(j.sign());
         }
         return {};
       }},
      {"export",
       [](Journal& j) {
         fill(j, 300);
         must(j.export_all());
         j.append(400);
         must(j.commit());
         must(j.sign());
       },
       [](Journal& j) { return j.export_all(); }},
  };
  return all;
}

void check_journal(Journal& j, bool has_run) {
  j.faults.disarm();
  j.log.reset();
  j.disk.reboot();
  j.elsewhere.reboot();
  for (int start = 0; start < 2; ++start) {  // what the first start repairs, the second must find whole
    must(j.open());
    ASSERT_NE(j.log, nullptr);
    ASSERT_GE(j.log->size(), j.acknowledged) << "something acknowledged is missing";
    ASSERT_LE(j.log->size(), j.attempted) << "something is there twice";
    std::uint64_t next = 0;
    must(j.log->scan(0, j.log->size(), [&](EntryIndex index, ByteView body) -> Status {
      EXPECT_EQ(index, next);
      EXPECT_TRUE(as_text(body).starts_with(fmt::format("entry {} ", next))) << "at " << next;
      ++next;
      return {};
    }));
    EXPECT_EQ(next, j.log->size());
    const std::string last = j.log->last_checkpoint();
    ASSERT_FALSE(last.empty() && j.checkpoint > 0);
    if (j.checkpoint > 0) {
      EXPECT_GE(journal::parse_checkpoint(journal::parse_note(last)->text)->size, j.checkpoint) << "unsigned again";
    }
  }
  j.append(1);
  must(j.commit());
  if (j.exported == 0) return;
  SimDisk empty(Random(1)), empty_too(Random(2));
  const auto left = j.import_into(empty);
  ASSERT_TRUE(left.has_value()) << "the export is neither the old nor the new one: " << left.error().text;
  EXPECT_TRUE(*left == j.exported || (*left == 300u && !has_run) || (*left == 700u && !has_run)) << *left;
  must(j.export_all());
  const auto whole = j.import_into(empty_too);
  ASSERT_TRUE(whole.has_value()) << whole.error().text;
  EXPECT_EQ(*whole, 700u);
}

class NthFailureOfAJournal : public testing::TestWithParam<FailureKind> {};

TEST_P(NthFailureOfAJournal, leaves_all_that_was_acknowledged) {
  for (const LogBody& body : log_bodies()) {
    std::uint64_t n = 1;
    for (bool has_fired = true; has_fired; ++n) {
      Journal j;
      body.prepare(j);
      j.faults.arm(GetParam(), n);
      const Status run = body.run(j);
      has_fired = j.faults.fired();
      EXPECT_TRUE(run.has_value() || has_fired) << run.error().text;
      if (!run) expect_clear(run.error());
      if (j.faults.failed_a_write() && !j.faults.failed().starts_with("remove")) {
        EXPECT_FALSE(run.has_value()) << j.faults.failed() << " failed, and it went on";
      }
      check_journal(j, run.has_value());
      if (HasFailure()) {
        ADD_FAILURE() << body.name << ", operation " << n << " (" << j.faults.failed() << ")";
        return;
      }
    }
    tell(body.name, to_text(GetParam()), n - 2);
  }
}
INSTANTIATE_TEST_SUITE_P(Disk, NthFailureOfAJournal, testing::Values(FailureKind::error, FailureKind::power),
                         [](const auto& each) {
                           return std::string(each.param == FailureKind::error ? "error" : "power");
                         });

// ---- a node in its chain: start, write, snapshot, mirror

// Stands between a machine and its disk and network.
struct Between {
  FailurePlan disk_faults, net_faults;
  FaultyDisk disk;
  FaultyNet net;
  explicit Between(Machine& machine) : disk(machine.disk, disk_faults), net(*machine.wire, net_faults) {
    machine.given_disk = &disk;
    machine.given_net = &net;
  }
  void attach(Machine& machine) {
    net.events = machine.node ? static_cast<NetEvents*>(machine.node.get()) : machine.spare.get();
  }
};

// A chain in trade, in which one machine's disk and network are about to fail.
struct Trade {
  Chain chain{1, 2};
  std::string name;
  Between between;
  Machine& m;
  Trade(std::string machine, const std::function<void(Chain&)>& prepare)
      : name(std::move(machine)), between(chain.machine(name)), m(chain.machine(name)) {
    start_all(chain);
    open_trade(chain);
    if (prepare) prepare(chain);
    between.attach(m);
  }

  // Starts the machine again if it has ended.
  void come_back() {
    between.disk_faults.disarm();
    between.net_faults.disarm();
    if (m.node == nullptr) {
      if (m.died_of) expect_clear(*m.died_of);
      chain.kill(name);
      const Status started = chain.start(name);
      ASSERT_TRUE(started.has_value()) << started.error().text;
    }
    between.attach(m);
  }
  void come_to_rest() {
    const auto rests = [&] {
      for (const chain::Site& site : chain.file().sites) chain.send_again(site.name);
      return chain.broken_at_rest().empty();
    };
    EXPECT_TRUE(chain.run_until(rests, seconds(40))) << chain.broken_at_rest();
  }
};

struct Body {
  std::string what, machine;
  std::function<void(Chain&)> prepare;  // may be empty
  std::function<void(Chain&)> run;
  std::function<void(Chain&)> check;  // once the machine runs again; may be empty
};

// Runs the body for every N of one kind of fault; in a chain made anew for each, so that N counts the same operations.
void every(const Body& body, FailureKind fault, bool of_network) {
  std::uint64_t n = 1;
  for (bool has_fired = true; has_fired && !testing::Test::HasFailure(); ++n) {
    Trade trade(body.machine, body.prepare);
    FailurePlan& faults = of_network ? trade.between.net_faults : trade.between.disk_faults;
    faults.arm(fault, n);
    body.run(trade.chain);
    trade.between.attach(trade.m);
    has_fired = faults.fired();
    const std::string failed = faults.failed();
    if (faults.failed_a_write() && !failed.starts_with("remove")) {
      EXPECT_EQ(trade.m.node, nullptr) << "it goes on after a failed " << failed;
    }
    trade.come_back();
    if (body.check) body.check(trade.chain);
    trade.come_to_rest();
    if (testing::Test::HasFailure())
      ADD_FAILURE() << body.what << ", " << to_text(fault) << " at operation " << n << " (" << failed << ")";
  }
  tell(body.what + " (" + body.machine + ")", of_network ? "network" : to_text(fault), n - 2);
}

TEST(NthFailure, of_a_start_forgets_no_cut_link) {
  const Body start{
      "start", "store-01",
      [](Chain& chain) {
        chain.snapshot_entries = 1;  // so that the start is one from a snapshot
        restart(chain, {"store-01"});
        ASSERT_TRUE(chain.run_until([&] { return chain.node("store-01").counters().snapshots > 0; }, seconds(20)));
        ASSERT_TRUE(chain.node("store-01").cut_link(SiteName("warehouse")).has_value());
        chain.sell(store_1, 1);
        chain.run_for(seconds(1));
        chain.kill("store-01");
      },
      [](Chain& chain) {
        const Status started = chain.start("store-01");
        if (!started) expect_clear(started.error());
        if (started) chain.run_for(milliseconds(200));
      },
      [](Chain& chain) {
        EXPECT_TRUE(chain.node("store-01").state().links_cut.contains(SiteName("warehouse"))) << "a cut link is healed";
        for (const node::LinkView& link : chain.node("store-01").links())
          if (link.to == SiteName("warehouse")) {
            EXPECT_EQ(link.state, node::LinkState::cut);
          }
        expect_all_here(chain, store_1, "store-01");
        ASSERT_TRUE(chain.node("store-01").open_link(SiteName("warehouse")).has_value());  // or none rests
      }};
  every(start, FailureKind::error, false);
  every(start, FailureKind::power, false);
}

TEST(NthFailure, of_a_write_and_its_checkpoint_loses_nothing_acknowledged) {
  const Body write{"write",
                   "store-01",
                   {},
                   [](Chain& chain) {
                     chain.sell(store_1, 1, 2);
                     chain.sell(store_1, 2);
                     chain.run_for(milliseconds(300));
                   },
                   {}};
  every(write, FailureKind::error, false);
  every(write, FailureKind::power, false);
}

TEST(NthFailure, of_a_snapshot_leaves_a_node_that_starts) {
  const Body snapshot{"snapshot",
                      "store-02",
                      [](Chain& chain) {
                        chain.snapshot_entries = 1;  // of the machines that start from here on
                        chain.kill("store-02");
                        ASSERT_TRUE(chain.start("store-02").has_value());
                      },
                      [](Chain& chain) {
                        for (int i = 0; i < 3; ++i) {
                          chain.sell(store_2, 1);
                          chain.run_for(milliseconds(300));
                        }
                      },
                      {}};
  every(snapshot, FailureKind::error, false);
  every(snapshot, FailureKind::power, false);
}

TEST(NthFailure, at_a_mirror_takes_no_signature_back) {
  const Body mirror{"mirror",
                    "head-office",
                    {},
                    [](Chain& chain) {
                      for (int i = 0; i < 3; ++i) chain.sell(store_1, 1);
                      chain.run_for(milliseconds(500));
                    },
                    {}};
  every(mirror, FailureKind::error, false);
  every(mirror, FailureKind::power, false);
  every(mirror, FailureKind::error, true);
}

// ---- a machine that takes another's place

// A chain in trade whose first store has sold something, and its machine is gone.
struct Loss {
  Chain chain{1, 2};
  Loss() {
    start_all(chain);
    open_trade(chain);
    for (int i = 0; i < 3; ++i) chain.sell(store_1, 1);
    chain.run_for(seconds(2));
  }
};

// Whether this journal has a checkpoint at that size, on a copy of the machine's disk.
bool is_signed_at(Chain& chain, const std::string& name, const Origin& origin, std::uint64_t size) {
  SimDisk copy = chain.machine(name).disk;
  SerialExecutor executor;
  const auto log = journal::Log::open(copy, executor, origin);
  EXPECT_TRUE(log.has_value());
  const auto last = journal::peek_checkpoint((*log)->checkpoint_at_most(size));
  return last && last->size == size;
}

// The journal before it ends with a checkpoint, by whoever: a mirror can be given it to its end (docs/protocol.md).
void expect_closed(Chain& chain, const std::string& name) {
  const auto report = chain.node(name).recovery();
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(is_signed_at(chain, name, report->old_origin, report->cosigned));
}

void settle_after(Chain& chain, Between& between, const std::string& name) {
  between.disk_faults.disarm();
  between.net_faults.disarm();
  Machine& m = chain.machine(name);
  if (m.node == nullptr) {
    if (m.died_of) expect_clear(*m.died_of);
    chain.kill(name);
    const Status started = chain.start(name);
    ASSERT_TRUE(started.has_value()) << started.error().text;
  }
  between.attach(m);
  ASSERT_TRUE(chain.run_until([&] { return is_signing(chain, name); }, seconds(60)))
      << node::to_text(chain.node(name).phase());
  settle(chain);
  expect_closed(chain, name);
  EXPECT_EQ(chain.node(name).state().till.totals.sales, 3u);
}

// Every N; the chain is made anew for each, because an epoch is registered once.
void every_replacement(const std::string& what, FailureKind fault, bool of_network,
                       const std::function<std::string(Chain&)>& make) {
  std::uint64_t n = 1;
  for (bool has_fired = true; has_fired && !testing::Test::HasFailure(); ++n) {
    Loss loss;
    const std::string name = make(loss.chain);
    Machine& m = loss.chain.machine(name);
    Between between(m);
    FailurePlan& faults = of_network ? between.net_faults : between.disk_faults;
    faults.arm(fault, n);
    const Status started = m.is_spare ? loss.chain.promote(name) : loss.chain.start(name);
    if (!started) expect_clear(started.error());
    between.attach(m);
    if (started) loss.chain.run_until([&] { return m.node == nullptr || is_signing(loss.chain, name); }, seconds(30));
    has_fired = faults.fired();
    const std::string failed = faults.failed();
    if (faults.failed_a_write() && !failed.starts_with("remove")) {
      EXPECT_EQ(m.node, nullptr) << "it goes on after a failed " << failed;
    }
    settle_after(loss.chain, between, name);
    if (testing::Test::HasFailure())
      ADD_FAILURE() << what << ", " << to_text(fault) << " at operation " << n << " (" << failed << ")";
  }
  tell(what, of_network ? "network" : to_text(fault), n - 2);
}

std::string to_rebuild(Chain& chain) {
  chain.destroy("store-01");
  return chain.rebuild(store_1);
}
// A size that the old machine has signed nothing at: who keeps that much closes its journal.
std::string to_clean_point(Chain& chain) {
  const Origin origin{chain.file().chain, store_1, 1};
  std::uint64_t size = chain.node("store-01").safety().size;
  while (size > 0 && is_signed_at(chain, "store-01", origin, size)) --size;
  EXPECT_GT(size, 0u);
  chain.destroy("store-01");
  return chain.rebuild(store_1, {{origin, size}});
}
std::string to_promote(Chain& chain) {
  const std::string spare = chain.add_spare(store_1);
  EXPECT_TRUE(chain.start(spare).has_value());
  EXPECT_TRUE(chain.run_until([&] { return holds_all(chain, spare, "store-01"); }, seconds(20)));
  chain.destroy("store-01");
  chain.run_for(seconds(4));  // so that mirrors seal for it at once
  return spare;
}

TEST(NthFailureOfARebuild, is_taken_up_again_where_it_stood) {
  every_replacement("rebuild", FailureKind::error, false, to_rebuild);
  every_replacement("rebuild", FailureKind::power, false, to_rebuild);
  every_replacement("rebuild", FailureKind::error, true, to_rebuild);
}

TEST(NthFailureOfARebuild, to_a_clean_point_closes_the_old_journal_there) {
  every_replacement("rebuild to a clean point", FailureKind::error, false, to_clean_point);
}

TEST(NthFailureOfAPromotion, opens_the_store_at_the_next_try) {
  every_replacement("promote", FailureKind::error, false, to_promote);
  every_replacement("promote", FailureKind::power, false, to_promote);
  every_replacement("promote", FailureKind::error, true, to_promote);
}

}  // namespace
}  // namespace holdfast::sim
