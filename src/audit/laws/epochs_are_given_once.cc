// Protocol 5.2, 5.4, 5.5: each epoch number is registered for one machine only; whoever has sealed cosigns nothing of a
// lower epoch afterwards; and of an epoch nothing is offered before q mirrors have registered it. A spare's epoch
// cosigns for nobody (10.2).
#include "audit/law.h"
#include "schema/links_generated.h"

namespace holdfast::audit {
namespace {

class EpochsAreGivenOnce final : public Law {
 public:
  std::string_view name() const override { return "epochs are given once, sealed ones are signed no more"; }

  void heard(const Evidence& evidence, const Letter& letter) override {
    const fbs::Message& m = *letter.message;
    if (const auto* r = m.body_as_Registered(); r != nullptr && r->site() != nullptr) registered(letter, *r);
    if (letter.from->is_thief) return;
    if (const auto* k = m.body_as_Known(); k != nullptr && k->site() != nullptr && k->sealed_for() > 0)
      seals_[{letter.from->name, k->site()->str()}].try_emplace(k->sealed_for(), letter.sent_ns);
    if (const auto* c = m.body_as_Cosignature(); c != nullptr && c->origin() != nullptr)
      cosigned(evidence, letter, c->origin()->str());
    if (const auto* o = m.body_as_Offer(); o != nullptr && o->note() != nullptr)
      offered(evidence, letter, o->note()->str());
  }

 private:
  void registered(const Letter& letter, const fbs::Registered& r) {
    // By a mirror that lies, too: nobody can tell.
    registered_by_[{letter.to->name, r.epoch()}].insert(letter.from->site);
    if (letter.from->is_thief) return;
    ++exercised;
    const auto [it, is_new] = given_.emplace(std::pair(r.site()->str(), r.epoch()), letter.to->name);
    if (!is_new && it->second != letter.to->name)
      breach(letter.from->name + " has registered epoch " + std::to_string(r.epoch()) + " of " + r.site()->str() +
             " for " + letter.to->name + ", and it was given to " + it->second);
  }
  void cosigned(const Evidence& evidence, const Letter& letter, const std::string& origin) {
    if (letter.from->is_spare) breach(letter.from->name + " has cosigned, and is a spare");
    const auto parts = parts_of(origin, evidence.chain.chain);
    const auto seals = parts ? seals_.find({letter.from->name, parts->site}) : seals_.end();
    if (seals == seals_.end()) return;
    for (const auto& [epoch, sent_ns] : seals->second) {
      if (epoch <= parts->epoch) continue;
      ++exercised;
      if (letter.sent_ns > sent_ns)
        breach(letter.from->name + " has sealed " + parts->site + " for epoch " + std::to_string(epoch) +
               " and then cosigned " + origin);
    }
  }
  void offered(const Evidence& evidence, const Letter& letter, const std::string& text) {
    const auto note = read_note(text);
    const auto checkpoint = note ? read_checkpoint(*note) : std::nullopt;
    const auto parts = checkpoint ? parts_of(checkpoint->origin, evidence.chain.chain) : std::nullopt;
    if (!parts || parts->epoch == 1) return;
    const SiteFacts* site = evidence.chain.find(parts->site);
    ++exercised;
    const std::size_t mirrors = registered_by_[{letter.from->name, parts->epoch}].size();
    if (site != nullptr && mirrors < quorum_of(site->mirrors.size()))
      breach(letter.from->name + " has offered a checkpoint of " + checkpoint->origin + " that " +
             std::to_string(mirrors) + " mirrors have registered");
  }

  std::map<std::pair<std::string, std::uint32_t>, std::string> given_;                    // site, epoch -> machine
  std::map<std::pair<std::string, std::uint32_t>, std::set<std::string>> registered_by_;  // machine, epoch -> mirrors
  std::map<std::pair<std::string, std::string>, std::map<std::uint32_t, std::int64_t>> seals_;  // machine, site
};

}  // namespace

std::unique_ptr<Law> epochs_are_given_once() { return std::make_unique<EpochsAreGivenOnce>(); }

}  // namespace holdfast::audit
