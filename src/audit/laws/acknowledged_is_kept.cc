// Promise 2: what was acknowledged survives every crash of its machine with the disk intact; and at the end it is in
// the site's journal or, named, on its list, whatever happened to the machine, because the till kept it; if the till is
// lost, as long as the machine's disk is intact, because what a replaced machine has and nobody cosigned comes in a
// tail. The list alone is no place for what has happened outside (a sale, goods that came or went), whatever a rule
// says by now (protocol 6.2). Refunds may stand there, whose sale did not come back.
#include "audit/law.h"

namespace holdfast::audit {
namespace {

class AcknowledgedIsKept final : public Law {
 public:
  std::string_view name() const override { return "acknowledged is kept"; }

  void answered(const std::string&, const WriteId& id, const Answer& answer) override {
    by_machine_[answer.machine][id] = answer;
  }
  void set_back(const MachineFacts& machine, std::int64_t) override { by_machine_.erase(machine.name); }
  // A retry may have been answered with an entry of an older epoch, so every journal of the site on that disk counts.
  void looked_at(const MachineFacts& machine, const std::map<std::string, Journal>& journals) override {
    const auto answers = by_machine_.find(machine.name);
    if (answers == by_machine_.end()) return;
    const std::string of_site = machine.origin.substr(0, machine.origin.rfind('/') + 1);
    std::set<WriteId> there;
    for (const auto& [origin, journal] : journals) {
      if (!origin.starts_with(of_site)) continue;
      for (const auto* part : {&journal.entries, &journal.aside})
        for (const Bytes& entry : *part)
          if (const auto fact = read_entry(entry); fact && fact->write) there.insert(*fact->write);
    }
    check(machine.name, there, answers->second);
  }

  void at_rest(const Evidence& evidence) override {
    for (const auto& [site, answers] : evidence.answered) {
      std::set<WriteId> kept, taken;
      for (const Fact& fact : evidence.lineage_of_site(site).facts) {
        if (fact.write) kept.insert(*fact.write);
        if (fact.write && fact.kind != Fact::Kind::listed) taken.insert(*fact.write);
      }
      for (const auto& [id, answer] : answers) {
        const auto forgotten = evidence.forgotten.find(site);
        if (forgotten != evidence.forgotten.end() && forgotten->second.contains(id) && !is_intact(id, answer)) continue;
        if (!taken.contains(id) && evidence.is_given_up(answer.origin, answer.index)) continue;
        ++exercised;
        if (kept.contains(id) && !taken.contains(id) && has_happened(evidence, site, id))
          breach(site + " has acknowledged a sale, or goods that moved, of till " + std::to_string(id.till) +
                 " as entry " + std::to_string(answer.index) + " of " + answer.origin +
                 ", and at the end it is listed and not taken");
        if (!kept.contains(id))
          breach(site + " has acknowledged a write of till " + std::to_string(id.till) + " as entry " +
                 std::to_string(answer.index) + " of " + answer.origin + ", and at the end it is nowhere");
      }
    }
  }

 private:
  static bool has_happened(const Evidence& evidence, const std::string& site, const WriteId& id) {
    const auto asked = evidence.asked.find(site);
    if (asked == evidence.asked.end()) return false;
    const auto write = asked->second.find(id);
    return write != asked->second.end() && write->second.has_happened;
  }
  bool is_intact(const WriteId& id, const Answer& answer) const {
    const auto answers = by_machine_.find(answer.machine);
    return answers != by_machine_.end() && answers->second.contains(id);
  }
  void check(const std::string& machine, const std::set<WriteId>& there, const std::map<WriteId, Answer>& answers) {
    for (const auto& [id, answer] : answers) {
      ++exercised;
      if (!there.contains(id))
        breach(machine + " has acknowledged a write of till " + std::to_string(id.till) + " as entry " +
               std::to_string(answer.index) + " of " + answer.origin + ", and it is not on its disk");
    }
  }

  std::map<std::string, std::map<WriteId, Answer>> by_machine_;
};

}  // namespace

std::unique_ptr<Law> acknowledged_is_kept() { return std::make_unique<AcknowledgedIsKept>(); }

}  // namespace holdfast::audit
