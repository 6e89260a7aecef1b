// Promise 7: what the rebuild's report calls lost, is. No receipt that it names is in the journal after all; it keeps
// what the journal goes on from; nobody has announced more than the site has said; and what it counts as lost, as come
// back and as kept is what was announced: not more, and not less.
#include <algorithm>

#include "audit/law.h"
#include "schema/links_generated.h"

namespace holdfast::audit {
namespace {

class KnownLostIsLost final : public Law {
 public:
  std::string_view name() const override { return "known lost is lost"; }

  void heard(const Evidence& evidence, const Letter& letter) override {
    const fbs::Message& m = *letter.message;
    if (const auto* k = m.body_as_Known(); k != nullptr && k->site() != nullptr) tells(evidence, letter, *k);
    if (const auto* beat = m.body_as_Heartbeat()) says(beat->origin(), beat->size());
    if (const auto* e = m.body_as_Entries(); e != nullptr && e->entries() != nullptr)
      says(e->origin(), e->first() + e->entries()->size());
    if (const auto* e = m.body_as_SpareEntries(); e != nullptr && e->entries() != nullptr)
      says(e->origin(), e->first() + e->entries()->size());
  }

  void at_rest(const Evidence& evidence) override {
    for (const Told& told : evidence.told) {
      check_receipts(told.site, told.missing, evidence.lineage_of_site(told.site));
      check_is_there(evidence, told);
      if (!told.report) continue;
      check_receipts(told.site, told.report->missing, evidence.lineage_of_site(told.site));
      ++exercised;  // a report that names nothing is an answer, too
      check_sums(told, evidence.lineage_of_site(told.site));
      check_announced(evidence, told);
    }
  }

 private:
  using Announced = std::map<std::string, std::uint64_t>;  // by origin

  static bool is_by_owner(const Evidence& evidence, const fbs::Heartbeat& beat) {
    const std::string text = "holdfast heartbeat v1\n" + beat.origin()->str() + "\n" + std::to_string(beat.size()) +
                             "\n" + std::to_string(beat.cosigned_size()) + "\n" +
                             std::to_string(static_cast<std::int64_t>(beat.at())) + "\n" +
                             (beat.trading() ? "trading" : "not trading") + "\n";
    const ByteView signature(reinterpret_cast<const std::byte*>(beat.signature()->data()), beat.signature()->size());
    return std::ranges::any_of(evidence.machines, [&](const auto& each) {
      const MachineFacts& machine = each.second;
      return !machine.is_thief && machine.origin == beat.origin()->str() && verifies(machine.log, text, signature);
    });
  }
  // A mirror's answer to who asks it to seal. Which of several counts, and which mirrors had answered when the machine
  // chose what to keep, its disk alone knows: of each mirror it may have been the answer that says least.
  void tells(const Evidence& evidence, const Letter& letter, const fbs::Known& known) {
    const SiteFacts* site = evidence.chain.find(letter.to->site);
    if (known.sealed_for() == 0 || known.site()->str() != letter.to->site || site == nullptr ||
        std::ranges::find(site->mirrors, letter.from->site) == site->mirrors.end())
      return;
    Announced said;
    if (known.held() != nullptr)
      for (const fbs::HeldEpoch* held : *known.held()) {
        const fbs::Heartbeat* beat = held->beat();
        if (beat == nullptr || beat->origin() == nullptr || beat->signature() == nullptr || held->origin() == nullptr ||
            held->origin()->str() != beat->origin()->str() || !is_by_owner(evidence, *beat))
          continue;
        said[beat->origin()->str()] = beat->size();
      }
    const auto [it, is_first] =
        sealed_[{letter.to->name, known.sealed_for()}].try_emplace(letter.from->site, std::move(said));
    if (is_first) return;
    for (auto& [origin, size] : it->second) {
      const auto now = said.find(origin);
      size = now == said.end() ? 0 : std::min(size, now->second);
    }
  }
  // It has chosen when q had answered, whichever they were: so it knew the largest but (k - q) of what k have told.
  std::uint64_t told_at_least(const Evidence& evidence, const Told& told, const MachineFacts& machine) const {
    const auto parts = parts_of(machine.origin, evidence.chain.chain);
    const SiteFacts* site = evidence.chain.find(told.site);
    if (!parts || site == nullptr) return 0;
    const auto sealed = sealed_.find({told.machine, parts->epoch});
    const std::size_t q = quorum_of(site->mirrors.size());
    if (sealed == sealed_.end() || sealed->second.size() < q) return 0;
    std::vector<std::uint64_t> sizes;
    for (const auto& [mirror, said] : sealed->second) {
      const auto size = said.find(told.report->old_origin);
      sizes.push_back(size == said.end() ? 0 : size->second);
    }
    std::ranges::sort(sizes, std::greater<>());
    return sizes[sizes.size() - q];
  }
  void check_announced(const Evidence& evidence, const Told& told) {
    const auto machine = evidence.machines.find(told.machine);
    if (machine == evidence.machines.end() || machine->second.is_spare) return;  // a spare has heard it by itself
    const std::uint64_t least = told_at_least(evidence, told, machine->second);
    exercised += least > 0;
    if (told.report->announced.value_or(0) < least)
      breach("the report of " + told.site + " says that " + std::to_string(told.report->announced.value_or(0)) +
             " entries were announced, and mirrors have told " + told.machine + " of " + std::to_string(least));
  }
  // Of an epoch that a ceremony has begun.
  void check_is_there(const Evidence& evidence, const Told& told) {
    const auto machine = evidence.machines.find(told.machine);
    const auto parts =
        machine == evidence.machines.end() ? std::nullopt : parts_of(machine->second.origin, evidence.chain.chain);
    if (parts && parts->epoch > 1 && !machine->second.is_spare && !told.report)
      breach(told.machine + " has been rebuilt, and has no report");
  }
  void says(const flatbuffers::String* origin, std::uint64_t size) {
    if (origin == nullptr) return;
    std::uint64_t& most = said_[origin->str()];
    most = std::max(most, size);
  }
  void check_receipts(const std::string& site, const std::vector<ReceiptNumber>& missing, const Lineage& lineage) {
    std::set<ReceiptNumber> there;
    for (const Fact& fact : lineage.facts)
      if (fact.receipt) there.insert(*fact.receipt);
    for (const ReceiptNumber& receipt : missing)
      if (there.contains(receipt)) breach(site + " calls a receipt missing that is in its journal");
  }
  void check_sums(const Told& told, const Lineage& lineage) {
    const Told::Report& report = *told.report;
    const auto kept = lineage.kept.find(report.old_origin);
    const std::uint64_t really = kept == lineage.kept.end() ? 0 : kept->second;
    if (report.kept != really)
      breach("the report of " + told.site + " says that " + std::to_string(report.kept) + " entries were kept, and " +
             std::to_string(really) + " were");
    const std::uint64_t announced = report.announced.value_or(report.kept);
    if (announced > std::max(said_[report.old_origin], report.kept))
      breach("the report of " + told.site + " says that " + std::to_string(announced) +
             " entries were announced, and nobody has");
    std::uint64_t back = 0;  // in this epoch
    for (const Fact& fact : lineage.facts) {
      if (fact.kind == Fact::Kind::epoch_opened) back = 0;
      back += fact.is_again || fact.kind == Fact::Kind::listed;
    }
    if (report.kept + back + report.known_lost < announced)
      breach("the report of " + told.site + " calls only " + std::to_string(report.known_lost) + " entries lost; of " +
             std::to_string(announced) + " announced " + std::to_string(report.kept) + " were kept, and " +
             std::to_string(back) + " have come back");
    if (report.known_lost > 0 && report.kept + back + report.known_lost > announced)
      breach("the report of " + told.site + " calls " + std::to_string(report.known_lost) + " entries lost; of " +
             std::to_string(announced) + " announced " + std::to_string(report.kept) + " were kept, and " +
             std::to_string(back) + " have come back");
  }

  // Machine and the epoch that it asks for -> mirrors that have sealed for it, and what they have heard announced.
  std::map<std::pair<std::string, std::uint32_t>, std::map<std::string, Announced>> sealed_;
  std::map<std::string, std::uint64_t> said_;  // by origin: the most entries that anybody with its keys has told of
};

}  // namespace

std::unique_ptr<Law> known_lost_is_lost() { return std::make_unique<KnownLostIsLost>(); }

}  // namespace holdfast::audit
