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

  void heard(const Evidence&, const Letter& letter) override {
    const fbs::Message& m = *letter.message;
    if (const auto* beat = m.body_as_Heartbeat()) says(beat->origin(), beat->size());
    if (const auto* e = m.body_as_Entries(); e != nullptr && e->entries() != nullptr)
      says(e->origin(), e->first() + e->entries()->size());
    if (const auto* e = m.body_as_SpareEntries(); e != nullptr && e->entries() != nullptr)
      says(e->origin(), e->first() + e->entries()->size());
  }

  void at_rest(const Evidence& evidence) override {
    for (const Told& told : evidence.told) {
      check_receipts(told.site, told.missing, evidence.lineage_of_site(told.site));
      if (!told.report) continue;
      check_receipts(told.site, told.report->missing, evidence.lineage_of_site(told.site));
      ++exercised;  // a report that names nothing is an answer, too
      check_sums(told, evidence.lineage_of_site(told.site));
    }
  }

 private:
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

  std::map<std::string, std::uint64_t> said_;  // by origin: the most entries that anybody with its keys has told of
};

}  // namespace

std::unique_ptr<Law> known_lost_is_lost() { return std::make_unique<KnownLostIsLost>(); }

}  // namespace holdfast::audit
