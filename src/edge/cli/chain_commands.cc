// `holdfast chain …`: the chain file from its description to its signatures.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <memory>

#include "core/journal/note.h"
#include "edge/cli/cli.h"
#include "edge/keys/ceremony.h"
#include "edge/keys/demo_chain.h"
#include "edge/keys/private_files.h"

namespace holdfast::cli {
namespace {

using chain::ChainFile;

bool is_signed(std::string_view text) { return text.find("\n\n\u2014 ") != std::string_view::npos; }

void print_problems(const std::string& path, const std::vector<chain::Problem>& problems) {
  for (const chain::Problem& problem : problems) {
    if (problem.line == 0)
      fmt::print("{}: {}\n", path, problem.text);
    else
      fmt::print("{}:{}: {}\n", path, problem.line, problem.text);
  }
}

[[noreturn]] void refuse_problems(const std::string& path, const std::vector<chain::Problem>& problems) {
  print_problems(path, problems);
  refuse({"chain/bad_file", fmt::format("{} has {} problem{}, listed above by line; correct them and run this again",
                                        path, problems.size(), problems.size() == 1 ? "" : "s")});
}

template <class List, class Text>
std::string joined(const List& list, const Text& text) {
  std::string out;
  for (const auto& item : list) {
    if (!out.empty()) out += ", ";
    out += text(item);
  }
  return out.empty() ? "none" : out;
}
std::string joined(const std::vector<SiteName>& names) {
  return joined(names, [](const SiteName& name) { return name.view(); });
}

// --- chain roots

struct RootsArguments {
  std::string into, root = "2/3", recovery = "2/3";
  bool without_operations = false;
};

keys::KeyCount parse_count(const std::string& text) {
  const auto read = [](std::string_view digits, unsigned& number) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc() && end == digits.data() + digits.size() && digits.size() <= 2;
  };
  keys::KeyCount count;
  const std::string_view all = text;
  const std::size_t slash = all.find('/');
  if (slash == std::string_view::npos || !read(all.substr(0, slash), count.needed) ||
      !read(all.substr(slash + 1), count.made))
    refuse({"keys/bad_count", fmt::format("\"{}\" is not a number of keys; write NEEDED/MADE, like 2/3", text)});
  return count;
}

void make_roots(const RootsArguments& arguments) {
  const keys::AuthorityOptions options{parse_count(arguments.root), parse_count(arguments.recovery),
                                       !arguments.without_operations, false};
  const chain::Authority made = or_refuse(keys::make_authority(arguments.into, options));
  fmt::print("Made in {}, each key in a folder of its own:\n", arguments.into);
  for (const auto* set : {&made.root, &made.recovery})
    for (const auto& [name, key] : set->keys) fmt::print("  {:<12} {}\n", name, to_hex(key));
  if (made.operations) fmt::print("  {:<12} {}\n", "operations", to_hex(*made.operations));
  fmt::print(
      "Move each folder to a medium of its own, kept by another person or in another place, with a copy; root and "
      "recovery\n"
      "keys stay offline. After each `holdfast recovery sign` carry the folder's issued-epochs onto its copy.\n"
      "{}/authority.pub.toml holds the public halves, for `holdfast chain init --authority`.\n",
      arguments.into);
}

// --- chain init

struct InitArguments {
  std::string description, sites, out, authority, supersedes, operations_key, certified_under;
  std::vector<std::string> root_keys, certificates;
};

// The keys of each site: from DIR/NAME.pub.toml, else from the file that this one supersedes.
void take_site_keys(ChainFile& file, const InitArguments& arguments, const ChainFile* old) {
  std::string missing;
  for (chain::Site& site : file.sites) {
    if (site.keys != chain::SiteKeys{}) continue;
    const std::string path = fmt::format("{}/{}.pub.toml", arguments.sites, site.name.view());
    auto text = arguments.sites.empty() ? fail("keys/not_found", "") : keys::read_public_file(path);
    if (text) {
      auto keys = chain::parse_public_keys(*text);
      if (!keys) refuse({keys.error().code, fmt::format("{}: {}", path, keys.error().text)});
      if (keys->site != site.name)
        refuse({"keys/wrong_site", fmt::format("{} holds the keys of {}; give {} its own file", path, keys->site.view(),
                                               site.name.view())});
      site.keys = keys->keys;
    } else if (text.error().code != "keys/not_found") {
      refuse(text.error());
    } else if (const chain::Site* before = old == nullptr ? nullptr : old->find(site.name)) {
      site.keys = before->keys;
    } else {
      missing += (missing.empty() ? "" : ", ") + site.name.str();
    }
  }
  if (!missing.empty())
    refuse(
        {"keys/not_found",
         fmt::format("no public keys of {}: run `holdfast site keygen NAME` at each and put its NAME.pub.toml into the "
                     "folder given with --sites",
                     missing)});
}

void take_authority(ChainFile& file, const InitArguments& arguments, const ChainFile* old) {
  if (!arguments.authority.empty()) {
    auto authority = chain::parse_authority(or_refuse(keys::read_public_file(arguments.authority)));
    if (!authority)
      refuse({authority.error().code, fmt::format("{}: {}", arguments.authority, authority.error().text)});
    file.root = authority->root;
    file.recovery = authority->recovery;
    file.operations = authority->operations;
  } else if (old != nullptr) {
    if (file.root.keys.empty()) file.root = old->root;
    if (file.recovery.keys.empty()) file.recovery = old->recovery;
    if (!file.operations) file.operations = old->operations;
  }
  if (file.root.keys.empty() || file.recovery.keys.empty())
    refuse({"keys/not_found",
            "who signs for the chain is not given; add --authority authority.pub.toml, which `holdfast chain roots` "
            "wrote"});
  if (old != nullptr && !(file.root == old->root)) file.former_root = old->root;
}

// Those of the old file whose sites are still there, and the given ones, which must count under the old file, or under
// an older one that is given besides. Returns the given ones.
std::vector<chain::Certificate> take_certificates(ChainFile& file, const InitArguments& arguments,
                                                  const ChainFile& old) {
  const auto add = [&](const chain::Certified& c) {
    const chain::Certified* there = file.find_certified(c.site, c.epoch);
    if (there == nullptr) {
      if (file.find(c.site) != nullptr) file.certified.push_back(c);
    } else if (!(*there == c)) {
      refuse({"chain/bad_certificate", fmt::format("there are two certificates of {} for epoch {}; only one was given "
                                                   "out: ask who holds the recovery keys which",
                                                   c.site.view(), c.epoch)});
    }
  };
  for (const chain::Certified& c : old.certified) add(c);
  std::optional<ChainFile> older;
  if (!arguments.certified_under.empty())
    older = or_refuse(chain::open_chain_file(or_refuse(keys::read_public_file(arguments.certified_under))));
  std::vector<chain::Certificate> given;
  for (const std::string& folder : arguments.certificates) {
    for (const std::string& path : files_ending_in(folder, ".certificate")) {
      const std::string note = or_refuse(keys::read_public_file(path));
      auto certificate = chain::open_certificate(old, note);
      if (!certificate && older) certificate = chain::open_certificate(*older, note);
      if (!certificate)
        refuse({certificate.error().code,
                fmt::format("{}: {}. If it counted under a chain file before {}, give that one with --certified-under.",
                            path, certificate.error().text, arguments.supersedes)});
      add(chain::certified(*certificate));
      given.push_back(std::move(*certificate));
    }
  }
  std::ranges::sort(file.certified, {}, [](const chain::Certified& c) { return std::pair(c.site, c.epoch); });
  return given;
}

// Who signs for them names machines that nobody lets in otherwise: each is compared, as a site's keys are.
void print_certificates(const std::vector<chain::Certificate>& given, bool recovery_changes) {
  if (recovery_changes)
    fmt::print(
        "The recovery keys change: what the old ones have signed counts no longer, but for the certificates that the "
        "file names\n({} given here). Where a site was rebuilt, or a spare is ready, they are needed: `holdfast "
        "recovery collect`.\n",
        given.size());
  if (given.empty()) return;
  fmt::print("Named. Compare each with the machine, above all after a theft; a false one would count for good:\n");
  for (const chain::Certificate& c : given) fmt::print("  {}\n", described(c));
}

void init_chain(const InitArguments& arguments) {
  const std::string text = or_refuse(keys::read_public_file(arguments.description));
  if (const auto problems = chain::problems_in_description(text); !problems.empty())
    refuse_problems(arguments.description, problems);
  ChainFile file = or_refuse(chain::parse_description(text));
  std::optional<ChainFile> old;
  std::string old_text;
  if (!arguments.supersedes.empty()) {
    old_text = or_refuse(keys::read_public_file(arguments.supersedes));
    old = or_refuse(chain::open_chain_file(old_text));
    file.version = old->version + 1;
  }
  const ChainFile* known = old ? &*old : nullptr;
  take_authority(file, arguments, known);
  take_site_keys(file, arguments, known);
  std::vector<chain::Certificate> named;
  if (known != nullptr) named = take_certificates(file, arguments, *known);
  std::string signed_text;
  if (arguments.operations_key.empty()) {
    signed_text = or_refuse(keys::sign_chain_file(file, arguments.root_keys));
  } else {
    const auto root_signed = chain::root_signed_part(old_text);
    const ChainFile base = or_refuse(chain::open_chain_file(root_signed));
    file.former_root = base.former_root;
    file.certified = base.certified;
    signed_text = or_refuse(keys::sign_within(file, root_signed, arguments.operations_key));
  }
  const ChainFile made =
      or_refuse(old ? chain::open_successor(*old, signed_text) : chain::open_chain_file(signed_text));
  or_refuse(keys::create_public_file(arguments.out, signed_text));
  fmt::print("{}: chain {}, version {}, {} sites.\n", arguments.out, made.chain, made.version, made.sites.size());
  if (old) {
    for (const std::string& opening : chain::openings(*old, made)) fmt::print("  opens: {}\n", opening);
    print_certificates(named, !(made.recovery == old->recovery));
  }
  fmt::print(
      "Compare each fingerprint with the person who made the keys, by telephone or on paper, before handing the file "
      "out:\n");
  for (const chain::Site& site : made.sites)
    fmt::print("  {:<31} {}\n", site.name.view(), chain::fingerprint({site.name, site.keys}));
}

// --- chain check, chain show

struct CheckArguments {
  std::string file, known;
};

void check_chain(const CheckArguments& arguments) {
  const std::string text = or_refuse(keys::read_public_file(arguments.file));
  if (!is_signed(text)) {
    if (!arguments.known.empty())
      refuse({"chain/bad_file", fmt::format("{} is not signed; --known compares signed files", arguments.file)});
    if (const auto problems = chain::problems_in_description(text); !problems.empty())
      refuse_problems(arguments.file, problems);
    const ChainFile file = or_refuse(chain::parse_description(text));
    fmt::print("{}: nothing is wrong with this description of {} with {} sites; it is not signed yet.\n",
               arguments.file, file.chain, file.sites.size());
    return;
  }
  const auto opened = chain::open_chain_file(text);
  if (!opened) {
    // Where the text itself breaks rules, they are told by line; otherwise the signatures are the problem.
    if (const auto problems = chain::problems_in_chain_text(text.substr(0, text.find("\n\n\u2014 ") + 1));
        !problems.empty())
      refuse_problems(arguments.file, problems);
    refuse({opened.error().code, fmt::format("{}: {}", arguments.file, opened.error().text)});
  }
  if (!arguments.known.empty()) {
    const ChainFile known = or_refuse(chain::open_chain_file(or_refuse(keys::read_public_file(arguments.known))));
    or_refuse(chain::open_successor(known, text));
    for (const std::string& opening : chain::openings(known, *opened)) fmt::print("  opens: {}\n", opening);
  }
  fmt::print("{}: nothing is wrong; version {} of {}, signed by {}.\n", arguments.file, opened->version, opened->chain,
             opened->within ? "the operations key, within what the root keys have signed" : "enough root keys");
}

void show_chain(const std::string& path) {
  auto opened = chain::open_chain_file(or_refuse(keys::read_public_file(path)));
  if (!opened) refuse({opened.error().code, fmt::format("{}: {}", path, opened.error().text)});
  const ChainFile& file = *opened;
  fmt::print("{}, version {}{}\n", file.chain, file.version,
             file.within ? fmt::format(", by the operations key within version {}", file.within->version) : "");
  fmt::print("  currency {}, languages {}\n", file.currency.code,
             joined(file.languages, [](const std::string& l) { return l; }));
  for (const chain::VatRate& rate : file.vat_rates)
    fmt::print("  VAT {:<7} {:>9.4f} %  {}\n", rate.code.view(), static_cast<double>(rate.millionths) / 1e4, rate.name);
  fmt::print("  bounds: price change {} %, a mirror takes {} bytes and {} entries a day of one journal\n",
             file.bounds.price_change_percent_max, file.bounds.mirror_bytes_a_day, file.bounds.mirror_entries_a_day);
  for (const auto& [what, set] : {std::pair("root", &file.root), std::pair("recovery", &file.recovery)})
    fmt::print("  {} keys: {} of {}\n", what, set->needed, joined(set->keys, [](const auto& key) {
                 return fmt::format("{} {}…", key.first, to_hex(key.second).substr(0, 16));
               }));
  fmt::print("  operations key: {}\n", file.operations ? to_hex(*file.operations).substr(0, 16) + "…" : "none");
  fmt::print("  quorum {} of each journal's mirrors, {} of them may lie\n", file.quorum, file.lying_mirrors);
  for (const auto& [site, epoch] : file.revoked)
    fmt::print("  revoked: the certificate of {} for epoch {}\n", site.view(), epoch);
  for (const chain::Certified& c : file.certified)
    fmt::print("  counts by its name: the certificate of {} for epoch {}\n", c.site.view(), c.epoch);
  for (const chain::Site& site : file.sites) {
    fmt::print("\n{} ({}) at {}, keys {}\n", site.name.view(), chain::to_text(site.kind), site.link_address,
               chain::fingerprint({site.name, site.keys}));
    fmt::print("  mirrored by {}\n  follows {}\n", joined(site.mirrors), joined(site.follows));
    // As `journal export` writes them beside a tree: an auditor compares.
    const std::string log_name = Origin{file.chain, site.name, 1}.text();
    fmt::print(
        "  log {}\n  cosigner {}\n", journal::vkey(log_name, journal::NoteKeyType::ed25519, site.keys.log),
        journal::vkey(journal::cosigner_name(file.chain, site.name), journal::NoteKeyType::cosigner, site.keys.cosign));
  }
}

// --- chain demo

struct DemoArguments {
  std::string into;
  std::vector<std::string> hosts;
  keys::DemoOptions options;
};

void make_demo(DemoArguments& arguments) {
  for (const std::string& host : arguments.hosts) {
    const std::size_t equals = host.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == host.size())
      refuse({"keys/bad_count", fmt::format("--host {}: write SITE=ADDRESS.", host)});
    arguments.options.hosts[host.substr(0, equals)] = host.substr(equals + 1);
  }
  const ChainFile file = or_refuse(keys::make_demo_chain(arguments.into, arguments.options));
  fmt::print(
      "*** ONLY A DEMO DOES THIS: every private key of this chain now lies on this one machine, in {}. ***\n"
      "*** A real chain makes each site's keys at that site, and root, recovery and operations keys on separate media. "
      "***\n",
      arguments.into);
  for (const chain::Site& site : file.sites)
    fmt::print("{:<31} {}/{}\n", site.name.view(), arguments.into, site.name.view());
  fmt::print(
      "Chain file {}/chain.hfc, ceremony keys {}/ceremony, first managers' codes {}/ceremony/enrolment-codes.txt\n",
      arguments.into, arguments.into, arguments.into);
}

void add_init(CLI::App& group) {
  auto arguments = std::make_shared<InitArguments>();
  CLI::App* init = group.add_subcommand("init", "Turns a description (docs/chain-file.md) into a signed chain file");
  init->add_option("description", arguments->description, "chain.toml")->required();
  init->add_option("--sites", arguments->sites, "Folder with a NAME.pub.toml for each site that is new");
  init->add_option("--authority", arguments->authority, "authority.pub.toml, as `chain roots` wrote it");
  init->add_option("--supersedes", arguments->supersedes,
                   "The signed file that this one follows: one version higher, and what is not given is "
                   "taken from it");
  CLI::Option* operations =
      init->add_option("--operations-key", arguments->operations_key,
                       "Sign with the operations key alone: narrows links and limits, or widens them within "
                       "what the root keys have signed");
  CLI::Option* certificates = init->add_option(
      "--certificates", arguments->certificates,
      "A folder with NAME.certificate files that go on counting when the recovery keys change; may be repeated");
  certificates->needs(init->get_option("--supersedes"));
  init->add_option("--certified-under", arguments->certified_under,
                   "An older chain file under which some of --certificates count, where the superseded one has other "
                   "recovery keys already")
      ->needs(certificates);
  operations->needs(init->get_option("--supersedes"))
      ->excludes(init->get_option("--authority"))
      ->excludes(certificates);
  init->add_option("--root-keys", arguments->root_keys, "A folder with a root key; once for each key that signs")
      ->excludes(operations);
  init->add_option("--out", arguments->out, "The signed file to write")->required();
  init->callback([arguments] {
    if (arguments->root_keys.empty() && arguments->operations_key.empty())
      refuse({"keys/too_few", "nobody signs: give --root-keys DIR for each root key, or --operations-key DIR"});
    init_chain(*arguments);
  });
}

}  // namespace

void add_chain_commands(CLI::App& app) {
  CLI::App& group = command_group(app, "chain", "The chain file: the whole company as one signed text");

  auto roots = std::make_shared<RootsArguments>();
  CLI::App* make = group.add_subcommand("roots", "Makes root, recovery and operations keys, each in its own folder");
  make->add_option("--into", roots->into, "Directory to make")->required();
  make->add_option("--root", roots->root, "Root keys, NEEDED/MADE")->capture_default_str();
  make->add_option("--recovery", roots->recovery, "Recovery keys, NEEDED/MADE")->capture_default_str();
  make->add_flag("--without-operations", roots->without_operations, "No operations key");
  make->callback([roots] { make_roots(*roots); });

  add_init(group);

  auto check = std::make_shared<CheckArguments>();
  CLI::App* checker = group.add_subcommand("check", "Says by line what is wrong with a description or a signed file");
  checker->add_option("file", check->file, "chain.toml or a signed file")->required();
  checker->add_option("--known", check->known, "A signed file that FILE is to follow");
  checker->callback([check] { check_chain(*check); });

  auto shown = std::make_shared<std::string>();
  CLI::App* show = group.add_subcommand("show", "Prints a signed file for people");
  show->add_option("file", *shown, "The signed file")->required();
  show->callback([shown] { show_chain(*shown); });

  auto demo = std::make_shared<DemoArguments>();
  CLI::App* demonstrate =
      group.add_subcommand("demo", "Makes a whole chain on this machine, all keys included: FOR DEMOS ONLY");
  demonstrate->add_option("--stores", demo->options.stores, "Number of stores")->capture_default_str();
  demonstrate->add_option("--into", demo->into, "Directory to make")->required();
  demonstrate->add_option("--base-port", demo->options.base_port, "First port of the links on loopback")
      ->capture_default_str();
  demonstrate->add_option("--host", demo->hosts,
                          "SITE=ADDRESS of its links, where it is not loopback; may be repeated");
  demonstrate->callback([demo] { make_demo(*demo); });
}

}  // namespace holdfast::cli
