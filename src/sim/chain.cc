#include "sim/chain.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>

#include "core/base/check.h"
#include "core/sync/messages.h"
#include "sim/told.h"

namespace holdfast::sim {
namespace {

constexpr std::string_view chain_name = "holdfast.example/sim";

}  // namespace

SimSigner::SimSigner(Random& random, Signatures how) : how_(how) {
  for (const KeyUse use : {KeyUse::log, KeyUse::cosign, KeyUse::tls, KeyUse::sealing}) pairs_[use] = draw_keys(random);
}
Signature SimSigner::sign(KeyUse use, ByteView message) { return sign_with(pairs_.at(use), how_, message); }
PublicKey SimSigner::public_key(KeyUse use) { return pairs_.at(use).open; }
chain::SiteKeys SimSigner::keys() {
  return {public_key(KeyUse::log), public_key(KeyUse::cosign), public_key(KeyUse::tls), public_key(KeyUse::sealing)};
}

Chain::Chain(std::uint64_t seed, unsigned stores, ChainOptions options)
    : network(Random(seed ^ 0xA5A5)), random_(seed), options_(options) {
  HF_CHECK(sodium_init() >= 0, "libsodium does not start");
  HF_CHECK(options.lying_mirrors <= 1 && stores >= 2 + options.lying_mirrors, "{} stores, {} liars", stores,
           options.lying_mirrors);
  build_file(stores);
  network.faults = &faults;
  auditor_ = std::make_unique<audit::Auditor>(facts_of(file_));
  for (const auto& [name, m] : machines_) auditor_->knows(facts_of(file_.chain, *m));
  network.witness = [this](const audit::Auditor::Sent& sent, ByteView bytes) { witness(sent, bytes); };
}

void Chain::witness(audit::Auditor::Sent sent, ByteView bytes) {
  constexpr std::size_t recorded_max = 40, recorded_bytes_max = 16u << 10;
  const auto to = machines_.find(sent.to);
  sent.finds_sleeper = to != machines_.end() && to->second->paused_until > network.now();
  auditor_->heard(sent, bytes);
  if (const auto thief = words_of_thieves_.find(sent.from); thief != words_of_thieves_.end()) {
    const auto message = sync::decode(bytes);
    if (message && !std::holds_alternative<sync::Hello>(*message)) ++thief->second;
    return;
  }
  if (++heard_ % 5 != 0 || bytes.size() > recorded_bytes_max) return;
  std::deque<Bytes>& recorded = recorded_[sent.from];
  recorded.push_back(to_bytes(bytes));
  if (recorded.size() > recorded_max) recorded.pop_front();
}

std::string Chain::name_for_thief(const Machine& whose) {
  std::string name = fmt::format("{}~thief-{:04}", whose.name, words_of_thieves_.size());
  audit::MachineFacts facts = facts_of(file_.chain, whose);
  facts.name = name;
  facts.is_thief = true;
  auditor_->knows(facts);
  words_of_thieves_[name] = 0;
  return name;
}

void Chain::build_file(unsigned stores) {
  root_ = draw_keys(random_);
  recovery_ = draw_keys(random_);
  file_.lying_mirrors = options_.lying_mirrors;
  file_.quorum = 2 + options_.lying_mirrors;
  file_.bounds = options_.bounds;
  file_.chain = std::string(chain_name);
  file_.currency = *currency_of("GBP");
  file_.languages = {"en"};
  file_.vat_rates = {{VatCode("S"), "standard", 200'000}, {VatCode("Z"), "zero", 0}};
  file_.root = {1, {{"root-1", root_.open}}};
  file_.recovery = {1, {{"recovery-1", recovery_.open}}};
  std::vector<SiteName> names = {SiteName("head-office"), SiteName("warehouse")};
  for (unsigned i = 1; i <= stores; ++i) names.emplace_back(fmt::format("store-{:02}", i));
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto machine = std::make_unique<Machine>(random_.fork());
    machine->name = names[i].str();
    machine->site = names[i];
    machine->wire = std::make_unique<Wire>(network, machine->name);
    machine->clock = std::make_unique<SimClock>(network);
    machine->signer = std::make_shared<SimSigner>(random_, options_.signatures);
    machine->disk.faults = &faults;
    chain::Site site;
    site.name = names[i];
    site.kind = i == 0 ? chain::SiteKind::head_office : i == 1 ? chain::SiteKind::warehouse : chain::SiteKind::store;
    site.link_address = fmt::format("10.0.0.{}:7000", i + 1);
    site.keys = machine->signer->keys();
    const bool is_store = i >= 2;
    site.mirrors = is_store ? std::vector{names[0], names[1], names[2 + (i - 1) % stores]}
                            : std::vector{names[1 - i], names[2], names[3]};
    if (options_.lying_mirrors == 1) site.mirrors.push_back(is_store ? names[2 + i % stores] : names[4]);
    for (std::size_t j = 0; j < names.size(); ++j)
      if (j != i && (i < 2 || j < 2)) site.follows.push_back(names[j]);
    file_.sites.push_back(std::move(site));
    epochs_[names[i]] = 1;
    serving_[names[i]] = names[i].str();
    machines_.emplace(names[i].str(), std::move(machine));
  }
  hand_out_file();
}

void Chain::hand_out_file() {
  journal::Note note{chain::canonical_text(file_), {}};
  journal::sign_note(note, chain::root_key_name(file_.chain, "root-1"), root_.open,
                     [&](ByteView text) { return sign_with(root_, options_.signatures, text); });
  file_note_ = journal::to_text(note);
  for (auto& [name, machine] : machines_)
    HF_CHECK(machine->disk.write_all(node::chain_file_path, as_bytes(file_note_)).has_value(), "{}", name);
}

void Chain::revoke(const SiteName& site, std::uint32_t epoch) {
  ++file_.version;
  file_.revoked.emplace_back(site, epoch);
  hand_out_file();
}

void Chain::replace_mirror(const SiteName& site, const SiteName& before, const SiteName& after) {
  ++file_.version;
  std::ranges::replace(std::ranges::find(file_.sites, site, &chain::Site::name)->mirrors, before, after);
  hand_out_file();
}

void Chain::replace_recovery_keys(bool named) {
  ++file_.version;
  recovery_ = draw_keys(random_);
  file_.recovery = {1, {{"recovery-1", recovery_.open}}};
  if (named) file_.certified = certificates_;
  hand_out_file();
}

node::Node& Chain::node(const std::string& name) {
  HF_CHECK(machine(name).node != nullptr, "{} is not running", name);
  return *machine(name).node;
}

Status Chain::start(const std::string& name) {
  Machine& m = machine(name);
  if (m.disk.was_misdirected()) disk_has_lost(name);  // what it calls durable is not
  auditor_->look_at(name, files_of(m.disk));
  auditor_->started(name, network.now().unix_ns);
  m.disk.reboot();
  if (const auto writes = std::exchange(m.power_fails_after, std::nullopt)) m.disk.crash_after(*writes);
  if (const auto reads = std::exchange(m.read_fails_after, std::nullopt)) m.disk.fail_read_after(*reads);
  m.died_of.reset();
  m.paused_until = {};
  m.entropy = std::make_unique<SimEntropy>(random_.fork());
  if (m.is_spare && serving(m.site) != name) return start_spare(m);
  Disk& disk = m.given_disk != nullptr ? *m.given_disk : m.disk;
  Net& net = m.given_net != nullptr ? *m.given_net : *m.wire;
  World world{disk, net, *m.clock, *m.entropy, *m.signer, executor_};
  node::Options options;
  options.site = m.site;
  options.snapshot_entries = snapshot_entries;
  options.spare_silence = spare_silence;
  options.scrub_pause = scrub_pause;
  auto opened = node::Node::open(world, options);
  if (!opened) {
    m.died_of = opened.error();
    return pass_on(opened.error());
  }
  m.node = std::move(*opened);
  network.join(name, m.address.empty() ? file_.find(m.site)->link_address : m.address,
               m.signer->public_key(KeyUse::tls), m.node.get());
  return {};
}

Status Chain::start_spare(Machine& m) {
  node::SpareOptions options;
  options.site = m.site;
  options.scrub_pause = scrub_pause;
  auto opened = node::Spare::open(m.disk, *m.wire, *m.clock, executor_, std::move(options));
  if (!opened) {
    m.died_of = opened.error();
    return pass_on(opened.error());
  }
  m.spare = std::move(*opened);
  network.join(m.name, m.address, m.signer->public_key(KeyUse::tls), m.spare.get());
  return {};
}

void Chain::kill(const std::string& name) {
  network.leave(name);
  machine(name).node.reset();
  machine(name).spare.reset();
  if (serving(machine(name).site) != name) return;
  for (TillWrite& w : till_writes_[machine(name).site]) w.waiting = false;
}

void Chain::destroy(const std::string& name) {
  kill(name);
  put_back(name, SimDisk(random_.fork()));
  machine(name).is_lost = true;
}

void Chain::put_back(const std::string& name, const SimDisk& image) {
  machine(name).disk = image;
  disk_has_lost(name);
}

void Chain::disk_has_lost(const std::string& name) {
  machine(name).has_lost = true;
  auditor_->set_back(name, network.now().unix_ns);
  for (TillWrite& w : till_writes_[machine(name).site])
    if (w.kept_by == name) w.kept_by.clear();
}

void Chain::disk_was_replaced(const SiteName& site) { disk_has_lost(serving(site)); }

void Chain::pause(const std::string& name, Duration time) {
  machine(name).paused_until = network.now() + time;
  machine(name).is_slow = false;
}

std::string Chain::copy_of(const std::string& original, const SimDisk& image) {
  const Machine& m = machine(original);
  auto copy = std::make_unique<Machine>(random_.fork());
  copy->name = name_for_thief(m);
  copy->site = m.site;
  copy->epoch = m.epoch;
  copy->disk = image;
  copy->disk.faults = &faults;
  copy->wire = std::make_unique<Wire>(network, copy->name);
  copy->clock = std::make_unique<SimClock>(network);
  copy->signer = m.signer;
  const std::string name = copy->name;
  for (const auto& [other, each] : machines_) network.cut(name, other);
  machines_[name] = std::move(copy);
  return name;
}

std::unique_ptr<Machine> Chain::new_machine(std::string name, const SiteName& site, std::uint32_t epoch) {
  auto machine = std::make_unique<Machine>(random_.fork());
  machine->name = std::move(name);
  machine->site = site;
  machine->epoch = epoch;
  machine->wire = std::make_unique<Wire>(network, machine->name);
  machine->clock = std::make_unique<SimClock>(network);
  machine->signer = std::make_shared<SimSigner>(random_, options_.signatures);
  machine->disk.faults = &faults;
  return machine;
}

chain::Certificate Chain::certify(const SiteName& site, std::uint32_t epoch, const chain::SiteKeys& keys, bool spare,
                                  const CleanPoint& clean_point) {
  chain::Certificate certificate{file_.chain, site, epoch, keys, clean_point, network.now(), {}, spare};
  journal::Note note{chain::certificate_text(certificate), {}};
  journal::sign_note(note, chain::recovery_key_name(file_.chain, "recovery-1"), recovery_.open,
                     [&](ByteView text) { return sign_with(recovery_, options_.signatures, text); });
  certificate.note = journal::to_text(note);
  certificates_.push_back(chain::certified(certificate));
  return certificate;
}

std::string Chain::ceremony(const SiteName& site, std::uint32_t epoch, std::string name,
                            const CleanPoint& clean_point) {
  auto machine = new_machine(name, site, epoch);
  const chain::Certificate certificate = certify(site, epoch, machine->signer->keys(), false, clean_point);
  HF_CHECK(machine->disk.write_all(node::chain_file_path, as_bytes(file_note_)).has_value(), "write");
  HF_CHECK(machine->disk.write_all(node::certificate_path, as_bytes(certificate.note)).has_value(), "write");
  auditor_->knows(facts_of(file_.chain, *machine));
  machines_[name] = std::move(machine);
  return name;
}

std::string Chain::rebuild(const SiteName& site, const CleanPoint& clean_point) {
  if (clean_point) {
    auditor_->given_up(clean_point->first.text(), clean_point->second);
    for (std::uint32_t later = clean_point->first.epoch + 1; later <= epochs_[site]; ++later)
      auditor_->given_up(Origin{file_.chain, site, later}.text(), 0);
  }
  const std::uint32_t epoch = ++epochs_[site];
  for (TillWrite& w : till_writes_[site]) w.waiting = false;  // its tills speak to the new machine now
  return serving_[site] = ceremony(site, epoch, fmt::format("{}#{}", site.view(), epoch), clean_point);
}

std::string Chain::rebuild_under_same_number(const SiteName& site) {
  return ceremony(site, epochs_[site], fmt::format("{}#{}-twin", site.view(), epochs_[site]));
}

std::string Chain::add_spare(const SiteName& site) {
  const std::uint32_t epoch = ++epochs_[site];
  auto machine = new_machine(fmt::format("{}#{}-spare", site.view(), epoch), site, epoch);
  machine->is_spare = true;
  machine->address = fmt::format("10.1.0.{}:7000", machines_.size());
  const chain::Certificate certificate = certify(site, epoch, machine->signer->keys(), true);
  HF_CHECK(machine->disk.write_all(node::chain_file_path, as_bytes(file_note_)).has_value(), "write");
  HF_CHECK(machine->disk.write_all(node::certificate_path, as_bytes(certificate.note)).has_value(), "write");
  const std::string name = machine->name;
  auditor_->knows(facts_of(file_.chain, *machine));
  machines_[name] = std::move(machine);
  return name;
}

void Chain::certify_again(const std::string& name) {
  Machine& m = machine(name);
  audit::MachineFacts before = facts_of(file_.chain, m);
  before.name += fmt::format(", epoch {}", m.epoch);  // its key goes on speaking for that one, too
  if (!m.is_spare) auditor_->knows(before);
  m.epoch = ++epochs_[m.site];
  auditor_->knows(facts_of(file_.chain, m));
  const std::string note = certify(m.site, m.epoch, m.signer->keys(), m.is_spare).note;
  HF_CHECK(m.disk.write_all(node::certificate_path, as_bytes(note)).has_value(), "write");
}

Status Chain::promote(const std::string& spare) {
  Machine& m = machine(spare);
  for (TillWrite& w : till_writes_[m.site]) w.waiting = false;
  kill(spare);
  serving_[m.site] = spare;
  return start(spare);
}

void Chain::turn(Machine& m) {
  if (m.node == nullptr && m.spare == nullptr) return;
  if (m.paused_until > network.now()) {
    faults.bit(m.is_slow ? Fault::disk_slow : Fault::machine_pause);
    m.wakes_at = wake_of(m);
    return;
  }
  const Status done = m.node ? m.node->turn() : m.spare->turn();
  if (const Duration spent = m.disk.take_time_spent(); spent.ns > 0) {
    m.paused_until = network.now() + spent;
    m.is_slow = true;
  }
  m.wakes_at = wake_of(m);
  if (done) return;
  m.died_of = done.error();
  kill(m.name);
}

// When it wants a turn, or can have one.
Instant Chain::wake_of(const Machine& m) const {
  return std::max(m.node ? m.node->wake_at() : m.spare->wake_at(), m.paused_until);
}

void Chain::run_for(Duration time) {
  const Instant end = network.now() + time;
  // Within the loop a machine changes by its turns alone; what was done to it before is asked here.
  std::vector<Machine*> running;
  for (const auto& [name, m] : machines_) {
    if (!m->node && !m->spare) continue;
    m->wakes_at = wake_of(*m);
    running.push_back(m.get());
  }
  while (network.now() < end) {
    Instant next = end;
    for (const Machine* m : running)
      if (m->node || m->spare) next = std::min(next, std::max(m->wakes_at, network.now() + Duration{1000}));
    const std::string touched = network.step(next);
    if (!touched.empty()) {
      if (const auto it = machines_.find(touched); it != machines_.end()) turn(*it->second);
      continue;
    }
    for (Machine* m : running)
      if ((m->node || m->spare) && m->wakes_at <= network.now()) turn(*m);
  }
}

bool Chain::run_until(const std::function<bool()>& condition, Duration limit) {
  const Instant end = network.now() + limit;
  while (!condition()) {
    if (network.now() >= end) return false;
    run_for(milliseconds(50));
  }
  return true;
}

std::string Chain::serving(const SiteName& site) const { return serving_.at(site); }

Hash Chain::state_hash() {
  Writer all;
  for (const auto& [name, m] : machines_) {
    all.text(name);
    if (m->node) all.raw(m->node->state().hash());
  }
  return sha256(all.view());
}

}  // namespace holdfast::sim
