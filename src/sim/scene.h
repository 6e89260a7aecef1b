// What the sentences of a scenario do (scenario.h): one verb each.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/chain.h"
#include "sim/thief.h"

namespace holdfast::sim {

// What stands for SITE and NUM in a sentence, in order.
struct Said {
  std::vector<std::string> sites;
  std::vector<std::uint64_t> numbers;
  SiteName site(std::size_t i = 0) const { return SiteName(sites[i]); }
  std::uint64_t number() const { return numbers[0]; }
};

class Scene {
 public:
  // Plays a sentence; empty: all was as it should be, and no law is broken. `words`: which of sentences() it was.
  std::string play(std::string_view line, std::string_view& words);
  static std::vector<std::string_view> sentences();

 private:
  using Verb = std::string (Scene::*)(const Said&);
  struct Sentence {
    std::string_view words;
    Verb verb;
  };
  static const std::vector<Sentence>& verbs();

  // Trade and people.
  std::string begin(const Said& said);
  std::string begin_with_liar(const Said& said);
  std::string sells(const Said& said);
  std::string sends_all_again(const Said& said);
  std::string slept(const Said& said);
  std::string sends_twice(const Said& said);
  std::string other_body(const Said& said);
  std::string cuts(const Said& said);
  std::string mends(const Said& said);
  std::string seals(const Said& said);
  std::string unseals(const Said& said);
  std::string begins_rejoining(const Said& said);
  std::string meets_checklist(const Said& said);
  std::string rejoins_all(const Said& said);
  std::string may_not_mend(const Said& said);
  std::string may_not_unseal(const Said& said);
  // What must be so.
  std::string is_cosigned(const Said& said);
  std::string serves(const Said& said);
  std::string has_mended(const Said& said);
  std::string does_not_serve(const Said& said);
  std::string has_sales(const Said& said);
  std::string contradiction_is_known(const Said& said);
  std::string old_has_stopped(const Said& said);
  std::string agrees(const Said& said);
  std::string fraud_is_proven(const Said& said);
  std::string is_overrun(const Said& said);
  // Time and the network.
  std::string wait(const Said& said);
  std::string days_pass(const Said& said);
  std::string fails(const Said& said);
  std::string heals(const Said& said);
  std::string is_cut_off(const Said& said);
  std::string is_reached(const Said& said);
  std::string old_is_reached(const Said& said);
  std::string one_way(const Said& said);
  std::string clogs(const Said& said);
  std::string clogs_spare(const Said& said);
  std::string clears(const Said& said);
  std::string all_heals(const Said& said);
  std::string resets(const Said& said);
  std::string loses_messages(const Said& said);
  std::string repeats_messages(const Said& said);
  std::string mixes_messages(const Said& said);
  // Machines and disks.
  std::string power_off(const Said& said);
  std::string power_on(const Said& said);
  std::string does_not_open(const Said& said);
  std::string fails_in_a_write(const Said& said);
  std::string tears_a_write(const Said& said);
  std::string write_fails(const Said& said);
  std::string misdirects(const Said& said);
  std::string forgets(const Said& said);
  std::string is_full(const Said& said);
  std::string has_room(const Said& said);
  std::string rots(const Said& said);
  std::string loses_sector(const Said& said);
  std::string keeps_image(const Said& said);
  std::string puts_back(const Said& said);
  std::string is_destroyed(const Said& said);
  std::string is_rebuilt(const Said& said);
  std::string is_rebuilt_as_before(const Said& said);
  std::string has_spare(const Said& said);
  std::string spare_holds_all(const Said& said);
  std::string opens_on_spare(const Said& said);
  std::string stands_still(const Said& said);
  std::string is_fast(const Said& said);
  std::string is_slow(const Said& said);
  // Thieves.
  std::string second_history(const Said& said);
  std::string boasts(const Said& said);
  std::string floods(const Said& said);
  std::string replays(const Said& said);
  std::string offers_old_epoch(const Said& said);
  std::string lies_about_storing(const Said& said);
  std::string hides(const Said& said);
  std::string is_honest(const Said& said);
  std::string runs_copy(const Said& said);
  std::string copy_reaches(const Said& said);
  std::string copy_sells(const Said& said);

  std::string open(const Said& said, ChainOptions options);
  std::string to_messages(const Said& said, const std::function<bool()>& happens);
  std::string set_clock(const Said& said, int sign);
  std::string set_posture(const Said& said, guard::Posture posture);
  Status order_posture(const Said& said, guard::Posture posture);
  std::string visit(Thief& thief, const Said& said, const std::vector<sync::Message>& words);
  std::string name(const Said& said, std::size_t i = 0);
  Machine& machine(const Said& said);
  void cut_from_all();  // whoever is cut off: from machines that came later, too
  std::string reach(const std::string& machine);
  std::string start(const std::string& machine);
  std::string until(const std::function<bool()>& condition);

  std::unique_ptr<Chain> chain_;
  std::unique_ptr<Thief> liar_;
  std::string copy_;  // the machine that a thief runs
  std::set<std::string> cut_off_;
  std::map<std::string, SimDisk> images_;
  std::map<SiteName, std::string> spares_, old_;
};

}  // namespace holdfast::sim
