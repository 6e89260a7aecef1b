// Scenes: how a chain opens, its trade and people, and what must be so.
#include "sim/scene.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/told.h"

namespace holdfast::sim {
namespace {

constexpr Duration patience = seconds(90);
constexpr std::string_view does_not_run = "it does not run";

}  // namespace

std::string Scene::begin(const Said& said) { return open(said, {}); }

std::string Scene::begin_with_liar(const Said& said) {
  if (said.number() < 3) return "such a chain has three stores at least";
  return open(said, {1, Signatures::real});
}

std::string Scene::open(const Said& said, ChainOptions options) {
  if (chain_) return "a chain has opened already";
  if (said.number() < 2 || said.number() > 20) return "a chain has 2 to 20 stores here";
  chain_ = std::make_unique<Chain>(7, static_cast<unsigned>(said.number()), options);
  for (const auto& [name, m] : chain_->machines())
    if (const Status started = chain_->start(name); !started) return started.error().text;
  chain_->list_products(10);
  const bool is_open = chain_->run_until(
      [&] {
        return std::ranges::all_of(chain_->machines(), [&](const auto& each) {
          return each.second->node->phase() == node::Phase::signing &&
                 each.second->node->state().find_product("P9") != nullptr;
        });
      },
      patience);
  return is_open ? "" : "the chain did not open";
}

std::string Scene::sells(const Said& said) {
  for (std::uint64_t i = 0; i < said.number(); ++i) {
    chain_->sell(said.site(), static_cast<std::uint32_t>(1 + i % 3), static_cast<unsigned>(1 + i % 4));
    chain_->run_for(milliseconds(40));
  }
  return "";
}

std::string Scene::sends_all_again(const Said& said) {
  chain_->send_again(said.site());
  chain_->run_for(milliseconds(500));
  return "";
}

std::string Scene::slept(const Said& said) {
  for (std::size_t i = 0; i < chain_->writes(said.site()).size(); ++i) chain_->send_once_more(said.site(), i, true);
  chain_->run_for(milliseconds(500));
  return "";
}

std::string Scene::sends_twice(const Said& said) {
  for (std::size_t i = 0; i < chain_->writes(said.site()).size(); ++i) chain_->send_once_more(said.site(), i, false);
  chain_->run_for(milliseconds(500));
  return "";
}

std::string Scene::other_body(const Said& said) {
  if (chain_->writes(said.site()).empty()) return "no till has written anything yet";
  chain_->send_other_body(said.site(), 0);
  chain_->run_for(milliseconds(500));
  return "";
}

std::string Scene::cuts(const Said& said) {
  if (!machine(said).node) return std::string(does_not_run);
  const Status cut = chain_->node(name(said)).cut_link(said.site(1));
  if (!cut) return cut.error().text;
  chain_->auditor().cut(name(said), said.sites[1], chain_->now().unix_ns);
  return "";
}

std::string Scene::mends(const Said& said) {
  if (!machine(said).node) return std::string(does_not_run);
  chain_->auditor().healed(name(said), said.sites[1]);
  const Status healed = chain_->node(name(said)).open_link(said.site(1));
  return healed ? "" : healed.error().text;
}

std::string Scene::seals(const Said& said) { return set_posture(said, guard::Posture::sealed); }

std::string Scene::unseals(const Said& said) { return set_posture(said, guard::Posture::open); }

std::string Scene::set_posture(const Said& said, guard::Posture posture) {
  if (!machine(said).node) return std::string(does_not_run);
  if (posture != guard::Posture::sealed) chain_->auditor().healed(name(said), {});
  const Status done = order_posture(said, posture);
  if (!done) return done.error().text;
  if (posture == guard::Posture::sealed) chain_->auditor().cut(name(said), {}, chain_->now().unix_ns);
  return "";
}

Status Scene::order_posture(const Said& said, guard::Posture posture) {
  guard::SetPosture order;
  order.posture = posture;
  order.reason = "said in the scenario";
  std::optional<Status> told;
  chain_->node(name(said)).set_posture(order, [&](const Status& done) { told = done; });
  if (std::string late = until([&] { return told.has_value(); }); !late.empty()) return fail("sim/late", late);
  return *told;
}

// All links begin cut, and the auditor holds each of them against the site until a person has opened it by its
// checklist.
std::string Scene::begins_rejoining(const Said& said) {
  if (std::string problem = set_posture(said, guard::Posture::rejoining); !problem.empty()) return problem;
  for (const node::LinkView& link : machine(said).node->links())
    chain_->auditor().cut(name(said), link.to.str(), chain_->now().unix_ns);
  return "";
}

// One does what is to be done, and another agrees (docs/guard.md).
std::string Scene::meets_checklist(const Said& said) {
  if (!machine(said).node) return std::string(does_not_run);
  for (std::uint8_t i = 0; i < incident::rejoin_checks; ++i) {
    const auto check = static_cast<incident::RejoinCheck>(i);
    fold::WriteRequest request;
    request.staff.bytes[0] = check == incident::RejoinCheck::agreed ? std::byte{2} : std::byte{1};
    request.command = incident::StepRejoin{said.site(1), check, false, "done"};
    const std::size_t number = chain_->submit(said.site(), std::move(request));
    const auto is_answered = [&] {
      const TillWrite& step = chain_->writes(said.site())[number];
      return step.reply || step.refused;
    };
    if (std::string late = until(is_answered); !late.empty()) return late;
    if (chain_->writes(said.site())[number].refused) return fmt::format("\"{}\" is refused", to_text(check));
  }
  return "";
}

std::string Scene::rejoins_all(const Said& said) {
  if (!machine(said).node) return std::string(does_not_run);
  for (const node::LinkView& link : machine(said).node->links()) {
    if (link.state != node::LinkState::cut) continue;
    const Said with{{said.sites[0], link.to.str()}, {}};
    std::string problem = meets_checklist(with);
    if (problem.empty()) problem = mends(with);
    if (!problem.empty()) return fmt::format("{}: {}", link.to.view(), problem);
  }
  return "";
}

std::string Scene::may_not_mend(const Said& said) {
  if (!machine(said).node) return std::string(does_not_run);
  const Status opened = chain_->node(name(said)).open_link(said.site(1));
  if (opened) return "it is open";
  return opened.error().code == "incident/check_missing" ? "" : opened.error().text;
}

std::string Scene::may_not_unseal(const Said& said) {
  if (!machine(said).node) return std::string(does_not_run);
  const Status done = order_posture(said, guard::Posture::open);
  if (done) return "it has ended";
  return done.error().code == "guard/links_cut" ? "" : done.error().text;
}

std::string Scene::is_cosigned(const Said& said) {
  return until([&] {
    if (!machine(said).node) return false;
    const node::Safety s = machine(said).node->safety();
    return s.cosigned_size + 2 >= s.size;
  });
}

std::string Scene::serves(const Said& said) {
  return until([&] { return machine(said).node && machine(said).node->phase() == node::Phase::signing; });
}

std::string Scene::has_mended(const Said& said) {
  return until([&] {
    const node::Node* node = machine(said).node.get();
    return node != nullptr && node->counters().holes_mended > 0 && node->safety().damage.empty() && !node->progress();
  });
}

std::string Scene::does_not_serve(const Said& said) {
  chain_->run_for(seconds(static_cast<std::int64_t>(said.number())));
  return machine(said).node && machine(said).node->phase() == node::Phase::signing ? "it does" : "";
}

std::string Scene::has_sales(const Said& said) {
  if (!machine(said).node) return std::string(does_not_run);
  const std::uint64_t sales = machine(said).node->state().till.totals.sales;
  return sales == said.number() ? "" : fmt::format("it has {}", sales);
}

std::string Scene::contradiction_is_known(const Said& said) {
  return until([&] {
    const auto& node = machine(said).node;
    return node && std::ranges::any_of(node->state().contradictions,
                                       [&](const auto& seen) { return seen.origin.site == said.site(1); });
  });
}

std::string Scene::old_has_stopped(const Said& said) {
  if (!old_.contains(said.site())) return "it has no old machine";
  const std::string old = old_[said.site()];
  return until([&] { return chain_->machine(old).node && chain_->machine(old).node->phase() == node::Phase::stopped; });
}

std::string Scene::agrees(const Said&) { return chain_->come_to_rest(rest_seconds_max); }

// More than f mirrors lie. What is promised then is that two cosigned histories are known of as soon as they meet.
std::string Scene::fraud_is_proven(const Said& said) {
  const Origin origin{chain_->file().chain, said.site(), machine(said).epoch};
  if (!chain_->auditor().has_seen_fraud(origin.text(), files_of(machine(said).disk)))
    return "no second history was cosigned";
  const std::string late = until([&] {
    return std::ranges::any_of(chain_->machines(), [&](const auto& each) {
      const auto& node = each.second->node;
      return node && each.first != copy_ &&
             std::ranges::any_of(node->state().contradictions, [&](const auto& seen) { return seen.origin == origin; });
    });
  });
  return late.empty() ? chain_->broken_in_audit() : late;
}

std::string Scene::is_overrun(const Said& said) {
  chain_->auditor().is_overrun(said.sites[0]);
  return "";
}

std::string Scene::name(const Said& said, std::size_t i) { return chain_->serving(said.site(i)); }

Machine& Scene::machine(const Said& said) { return chain_->machine(name(said)); }

std::string Scene::start(const std::string& machine) {
  cut_from_all();
  const Status started = chain_->start(machine);
  return started ? "" : started.error().text;
}

std::string Scene::until(const std::function<bool()>& condition) {
  return chain_->run_until(condition, patience) ? "" : "it did not come to that in 90 s";
}

}  // namespace holdfast::sim
