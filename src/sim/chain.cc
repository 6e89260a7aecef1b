#include "sim/chain.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>

#include "core/base/check.h"
#include "core/sync/messages.h"

namespace holdfast::sim {
namespace {

void make_pair(Random& random, PublicKey& open, ByteArray<64>& secret) {
  ByteArray<32> seed;
  for (std::byte& b : seed) b = static_cast<std::byte>(random.next());
  crypto_sign_seed_keypair(reinterpret_cast<unsigned char*>(open.data()),
                           reinterpret_cast<unsigned char*>(secret.data()),
                           reinterpret_cast<const unsigned char*>(seed.data()));
}

Signature sign_with(const ByteArray<64>& secret, ByteView message) {
  Signature out;
  crypto_sign_detached(reinterpret_cast<unsigned char*>(out.data()), nullptr,
                       reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                       reinterpret_cast<const unsigned char*>(secret.data()));
  return out;
}

constexpr std::string_view chain_name = "holdfast.example/sim";

}  // namespace

SimSigner::SimSigner(Random& random) {
  for (const KeyUse use : {KeyUse::log, KeyUse::cosign, KeyUse::tls, KeyUse::sealing})
    make_pair(random, pairs_[use].open, pairs_[use].secret);
}
Signature SimSigner::sign(KeyUse use, ByteView message) { return sign_with(pairs_.at(use).secret, message); }
PublicKey SimSigner::public_key(KeyUse use) { return pairs_.at(use).open; }
chain::SiteKeys SimSigner::keys() {
  return {public_key(KeyUse::log), public_key(KeyUse::cosign), public_key(KeyUse::tls), public_key(KeyUse::sealing)};
}

SimKey::SimKey(Random& random) { make_pair(random, open, secret); }
Signature SimKey::sign(ByteView message) const { return sign_with(secret, message); }

Chain::Chain(std::uint64_t seed, unsigned stores) : network(Random(seed ^ 0xA5A5)), random_(seed) {
  HF_CHECK(sodium_init() >= 0, "libsodium does not start");
  build_file(stores);
  network.tap = [this](const std::string& from, const std::string&, ByteView bytes) { watch(from, bytes); };
}

void Chain::build_file(unsigned stores) {
  root_ = std::make_unique<SimKey>(random_);
  recovery_ = std::make_unique<SimKey>(random_);
  file_.chain = std::string(chain_name);
  file_.currency = *currency_of("GBP");
  file_.languages = {"en"};
  file_.vat_rates = {{VatCode("S"), "standard", 200'000}, {VatCode("Z"), "zero", 0}};
  file_.root = {1, {{"root-1", root_->open}}};
  file_.recovery = {1, {{"recovery-1", recovery_->open}}};
  std::vector<SiteName> names = {SiteName("head-office"), SiteName("warehouse")};
  for (unsigned i = 1; i <= stores; ++i) names.emplace_back(fmt::format("store-{:02}", i));
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto machine = std::make_unique<Machine>(random_.fork());
    machine->name = names[i].str();
    machine->site = names[i];
    machine->wire = std::make_unique<Wire>(network, machine->name);
    machine->clock = std::make_unique<SimClock>(network);
    machine->signer = std::make_shared<SimSigner>(random_);
    chain::Site site;
    site.name = names[i];
    site.kind = i == 0 ? chain::SiteKind::head_office : i == 1 ? chain::SiteKind::warehouse : chain::SiteKind::store;
    site.link_address = fmt::format("10.0.0.{}:7000", i + 1);
    site.keys = machine->signer->keys();
    const SiteName first_store = names[2], second_store = names[stores > 1 ? 3 : 2];
    if (i == 0) {
      site.mirrors = {names[1], first_store, second_store};
    } else if (i == 1) {
      site.mirrors = {names[0], first_store, second_store};
    } else {
      site.mirrors = {names[0], names[1], names[2 + (i - 1) % stores]};
    }
    for (std::size_t j = 0; j < names.size(); ++j)
      if (j != i && (i < 2 || j < 2)) site.follows.push_back(names[j]);
    file_.sites.push_back(std::move(site));
    epochs_[names[i]] = 1;
    serving_[names[i]] = names[i].str();
    machines_.emplace(names[i].str(), std::move(machine));
  }
  journal::Note note{chain::canonical_text(file_), {}};
  journal::sign_note(note, chain::root_key_name(file_.chain, "root-1"), root_->open,
                     [&](ByteView text) { return root_->sign(text); });
  file_note_ = journal::to_text(note);
  for (auto& [name, machine] : machines_)
    HF_CHECK(machine->disk.write_all(node::chain_file_path, as_bytes(file_note_)).has_value(), "{}", name);
}

node::Node& Chain::node(const std::string& name) {
  HF_CHECK(machine(name).node != nullptr, "{} is not running", name);
  return *machine(name).node;
}

Status Chain::start(const std::string& name) {
  Machine& m = machine(name);
  m.disk.reboot();
  if (const auto writes = std::exchange(m.power_fails_after, std::nullopt)) m.disk.crash_after(*writes);
  m.died_of.reset();
  m.entropy = std::make_unique<SimEntropy>(random_.fork());
  if (m.is_spare && serving(m.site) != name) return start_spare(m);
  Disk& disk = m.given_disk != nullptr ? *m.given_disk : m.disk;
  Net& net = m.given_net != nullptr ? *m.given_net : *m.wire;
  World world{disk, net, *m.clock, *m.entropy, *m.signer, executor_};
  node::Options options;
  options.site = m.site;
  options.snapshot_entries = snapshot_entries;
  options.spare_silence = spare_silence;
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
  auto opened = node::Spare::open(m.disk, *m.wire, *m.clock, executor_, {m.site, {}});
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
  machine(name).disk = SimDisk(random_.fork());
}

std::unique_ptr<Machine> Chain::new_machine(std::string name, const SiteName& site, std::uint32_t epoch) {
  auto machine = std::make_unique<Machine>(random_.fork());
  machine->name = std::move(name);
  machine->site = site;
  machine->epoch = epoch;
  machine->wire = std::make_unique<Wire>(network, machine->name);
  machine->clock = std::make_unique<SimClock>(network);
  machine->signer = std::make_shared<SimSigner>(random_);
  return machine;
}

chain::Certificate Chain::certify(const SiteName& site, std::uint32_t epoch, const chain::SiteKeys& keys, bool spare) {
  chain::Certificate certificate{file_.chain, site, epoch, keys, std::nullopt, network.now(), {}, spare};
  journal::Note note{chain::certificate_text(certificate), {}};
  journal::sign_note(note, chain::recovery_key_name(file_.chain, "recovery-1"), recovery_->open,
                     [&](ByteView text) { return recovery_->sign(text); });
  certificate.note = journal::to_text(note);
  return certificate;
}

std::string Chain::rebuild(const SiteName& site) {
  const std::uint32_t epoch = ++epochs_[site];
  auto machine = new_machine(fmt::format("{}#{}", site.view(), epoch), site, epoch);
  const chain::Certificate certificate = certify(site, epoch, machine->signer->keys(), false);
  HF_CHECK(machine->disk.write_all(node::chain_file_path, as_bytes(file_note_)).has_value(), "write");
  HF_CHECK(machine->disk.write_all(node::certificate_path, as_bytes(certificate.note)).has_value(), "write");
  const std::string name = machine->name;
  machines_[name] = std::move(machine);
  serving_[site] = name;
  return name;
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
  machines_[name] = std::move(machine);
  return name;
}

void Chain::certify_again(const std::string& spare) {
  Machine& m = machine(spare);
  m.epoch = ++epochs_[m.site];
  const std::string note = certify(m.site, m.epoch, m.signer->keys(), true).note;
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
  const Status done = m.node ? m.node->turn() : m.spare->turn();
  if (done) return;
  m.died_of = done.error();
  kill(m.name);
}

void Chain::run_for(Duration time) {
  const Instant end = network.now() + time;
  while (network.now() < end) {
    Instant next = end;
    for (const auto& [name, m] : machines_)
      if (m->node || m->spare)
        next = std::min(next,
                        std::max(m->node ? m->node->wake_at() : m->spare->wake_at(), network.now() + Duration{1000}));
    const std::string touched = network.step(next);
    if (!touched.empty()) {
      if (const auto it = machines_.find(touched); it != machines_.end()) turn(*it->second);
      continue;
    }
    for (const auto& [name, m] : machines_)
      if ((m->node && m->node->wake_at() <= network.now()) || (m->spare && m->spare->wake_at() <= network.now()))
        turn(*m);
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

void Chain::list_products(unsigned count) {
  catalogue::ListProducts command;
  for (unsigned i = 0; i < count; ++i)
    command.products.push_back({Sku(fmt::format("P{}", i)), "", fmt::format("Product {}", i),
                                UnitPrice{(i + 1) * 1'000'000ll}, VatCode("S"), true});
  submit(SiteName("head-office"), {{}, {}, {}, {}, {}, std::move(command), {}, {}});
}

std::size_t Chain::submit(const SiteName& site, fold::WriteRequest request) {
  if (request.key.is_zero())
    for (std::byte& b : request.key.bytes) b = static_cast<std::byte>(random_.next());
  std::vector<TillWrite>& writes = till_writes_[site];
  const std::size_t number = writes.size();
  writes.push_back({std::move(request), std::nullopt, false, false});
  Machine& m = machine(serving(site));
  if (!m.node) return number;
  writes[number].waiting = true;
  m.node->submit(writes[number].request, [this, site, number](const Result<fold::Taken>& taken) {
    TillWrite& w = till_writes_[site][number];
    w.waiting = false;
    if (taken) {
      w.reply = *taken;
    } else if (!taken.error().code.starts_with("node/")) {
      w.refused = true;
    }
  });
  return number;
}

std::size_t Chain::sell(const SiteName& store, std::uint32_t till, unsigned lines) {
  return submit(store, a_sale(store, till, lines));
}

fold::WriteRequest Chain::a_sale(const SiteName& store, std::uint32_t till, unsigned lines) {
  till::RecordSale sale;
  sale.till = TillId{till};
  Money total;
  for (unsigned i = 0; i < lines; ++i) {
    const auto product = static_cast<std::int64_t>(random_.below(10));
    const auto pieces = static_cast<std::int64_t>(1 + random_.below(3));
    till::AskedLine line{Sku(fmt::format("P{}", product)),
                         Quantity{pieces * 1000},
                         UnitPrice{(product + 1) * 1'000'000},
                         VatCode("S"),
                         "",
                         false};
    const Machine& m = machine(serving(store));
    if (m.node == nullptr || m.node->state().find_product(line.sku.view()) == nullptr) {
      line.open_price = true;
      line.name = "open price";
    }
    total.minor += (product + 1) * 100 * pieces;
    sale.lines.push_back(std::move(line));
  }
  sale.tenders = {{till::TenderKind::cash, total, "", "", till::CardResult::approved}};
  return {TillId{till}, {}, SubjectId{}, {}, {}, std::move(sale), {}, {}};
}

void Chain::send_again(const SiteName& store) {
  Machine& m = machine(serving(store));
  if (!m.node) return;
  const node::Safety safety = m.node->safety();
  for (std::size_t i = 0; i < till_writes_[store].size(); ++i) {
    TillWrite& w = till_writes_[store][i];
    if (w.refused || w.waiting) continue;
    if (w.reply && w.reply->origin == safety.origin && w.reply->index < safety.size &&
        safety.phase == node::Phase::signing)
      continue;
    fold::WriteRequest again = w.request;
    if (w.reply && !w.reply->listed) {
      again.prior = fold::Prior{w.reply->origin, w.reply->index, w.reply->at, false};
      again.printed_receipt = w.reply->receipt;
    }
    w.waiting = true;
    m.node->submit(std::move(again), [this, store, i](const Result<fold::Taken>& taken) {
      TillWrite& answered = till_writes_[store][i];
      answered.waiting = false;
      if (taken) {
        answered.reply = *taken;
      } else if (!taken.error().code.starts_with("node/")) {
        answered.refused = true;
        if (answered.reply)
          broken_ = fmt::format("an acknowledged write was refused when it was sent again: {}", taken.error().text);
      }
    });
  }
}

std::uint64_t Chain::acknowledged() const {
  std::uint64_t n = 0;
  for (const auto& [site, writes] : till_writes_)
    n += static_cast<std::uint64_t>(
        std::ranges::count_if(writes, [](const TillWrite& w) { return w.reply.has_value(); }));
  return n;
}

// Law: no two cosigned checkpoints of one origin disagree. Every cosigned note that passes is remembered.
void Chain::watch(const std::string& from, ByteView bytes) {
  const auto message = sync::decode(bytes);
  if (!message) return;
  // Laws of a spare's epoch (5.5, 10.2): it cosigns for nobody, and nothing of it is offered before it is registered.
  if (const auto it = machines_.find(from); it != machines_.end() && it->second->is_spare && it->second->node) {
    if (std::holds_alternative<sync::Cosignature>(*message)) broken_ = from + " has cosigned, and is a spare";
    if (std::holds_alternative<sync::Offer>(*message) && it->second->node->phase() == node::Phase::provisional)
      broken_ = from + " has offered a checkpoint of a provisional epoch";
  }
  const auto* cosigned = std::get_if<sync::Cosigned>(&*message);
  if (cosigned == nullptr) return;
  const auto note = journal::parse_note(cosigned->note);
  if (!note) return;
  const auto c = journal::parse_checkpoint(note->text);
  if (!c) return;
  const auto [it, is_new] = cosigned_.emplace(std::pair(c->origin.text(), c->size), c->root);
  if (!is_new && it->second != c->root)
    broken_ = fmt::format("two cosigned checkpoints of {} disagree at {}", c->origin.text(), c->size);
}

// Law: acknowledged and not lost -> in the state, once.
std::string Chain::check_acknowledged(const SiteName& store) {
  const Machine& m = machine(serving(store));
  if (!m.node || disk_replaced_.contains(store) || m.node->phase() == node::Phase::rebuilding ||
      m.node->phase() == node::Phase::stopped)
    return {};
  const fold::State& state = m.node->state();
  for (const TillWrite& w : till_writes_[store]) {
    if (!w.reply || w.reply->origin != m.node->safety().origin) continue;
    const fold::KnownWrite* known = state.find_write({w.request.till, w.request.key});
    if (known == nullptr) return fmt::format("{}: an acknowledged write is not in the state", store.view());
  }
  return {};
}

std::string Chain::broken_law() {
  if (!broken_.empty()) return broken_;
  if (network.delivered_over_cut > 0) return "a message passed over a cut link";
  for (const auto& [site, writes] : till_writes_)
    if (std::string law = check_acknowledged(site); !law.empty()) return law;
  // Stock: what is here is what came less what went.
  for (const auto& [name, m] : machines_) {
    if (!m->node || m->node->phase() == node::Phase::rebuilding) continue;
    const stock::StockState& s = m->node->state().stock;
    const std::int64_t in = s.received.thousandths + s.counted_up.thousandths + s.taken_back.thousandths +
                            s.arrived_units.thousandths + s.fed_up.thousandths;
    const std::int64_t out = s.written_off.thousandths + s.counted_down.thousandths + s.sold.thousandths +
                             s.dispatched.thousandths + s.fed_down.thousandths;
    if (in - out != s.total.thousandths) return fmt::format("{}: stock is not conserved", name);
  }
  return {};
}

std::string Chain::broken_at_rest() {
  if (std::string law = broken_law(); !law.empty()) return law;
  for (const auto& [site, writes] : till_writes_) {
    const Machine& m = machine(serving(site));
    if (!m.node) return fmt::format("{} does not run: {}", m.name, m.died_of ? m.died_of->text : "not started");
    if (const auto progress = m.node->progress())
      return fmt::format("{} is still rebuilding: {}", m.name, progress->step);
    const fold::State& state = m.node->state();
    std::uint64_t sales = 0;
    for (const TillWrite& w : writes) {
      if (!w.reply) continue;
      const fold::KnownWrite* known = state.find_write({w.request.till, w.request.key});
      if (known == nullptr) return fmt::format("{}: an acknowledged write is lost", site.view());
      if (!known->listed && std::holds_alternative<till::RecordSale>(w.request.command)) ++sales;
    }
    // Nothing twice: the state has as many sales as there are distinct writes of this till memory, unanswered ones at
    //                most more.
    const auto unanswered =
        static_cast<std::uint64_t>(std::ranges::count_if(writes, [](const TillWrite& w) { return !w.reply; }));
    if (state.till.totals.sales < sales || state.till.totals.sales > sales + unanswered)
      return fmt::format("{}: {} sales in the journal, {} acknowledged, {} unanswered", site.view(),
                         state.till.totals.sales, sales, unanswered);
    for (const auto& [key, series] : state.till.receipts)
      if (series.receipts.size() > series.next) return fmt::format("{}: a receipt number was given twice", site.view());
  }
  for (const auto& [site, epoch] : epochs_) {
    const Machine& m = machine(serving(site));
    if (!m.node) return fmt::format("{} does not run: {}", m.name, m.died_of ? m.died_of->text : "not started");
    const node::Safety s = m.node->safety();
    if (s.phase != node::Phase::signing) return fmt::format("{} is {} and not signing", m.name, node::to_text(s.phase));
    // Only PeerFollowed entries may still be on their way.
    if (s.cosigned_size + 2 < s.size)
      return fmt::format("{}: {} of {} entries cosigned", m.name, s.cosigned_size, s.size);
    for (const auto& [peer, part] : m.node->state().peers) {
      const Machine& other = machine(serving(peer));
      if (!other.node) continue;
      if (part.origin != other.node->safety().origin) {
        for (const node::SiteView& v : m.node->sites())
          if (v.site == peer)
            return fmt::format("{} still follows {} to {}; of {} it holds {}, cosigned {}, link {}", m.name,
                               part.origin.text(), part.size, v.origin->text(), v.held_here.value_or(0),
                               v.cosigned_size.value_or(0),
                               v.links.empty() || v.links[0].state != node::LinkState::up ? "down" : "up");
      }
      if (!(part.totals == other.node->state().till.totals))
        return fmt::format("{}: what it follows of {} ({} sales) is not what {} has ({} sales)", m.name, peer.view(),
                           part.totals.sales, other.name, other.node->state().till.totals.sales);
    }
  }
  return {};
}

Hash Chain::state_hash() {
  Writer all;
  for (const auto& [name, m] : machines_) {
    all.text(name);
    if (m->node) all.raw(m->node->state().hash());
  }
  return sha256(all.view());
}

}  // namespace holdfast::sim
