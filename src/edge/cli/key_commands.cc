// `holdfast site keygen|adopt`: a site's own keys, and the chain file that names them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "edge/cli/cli.h"
#include "edge/keys/data_directory.h"
#include "edge/keys/private_files.h"
#include "edge/serve/data_view.h"

namespace holdfast::cli {
namespace {

struct KeygenArguments {
  std::string name, into;
  unsigned managers = 1;
  bool is_replacement = false;
};

void make_site(const KeygenArguments& arguments) {
  const auto site = chain::site_name_of(arguments.name);
  if (!site)
    refuse({"keys/wrong_site", fmt::format("\"{}\" is no site's name; write 1 to {} of a-z, 0-9 and '-', like store-07",
                                           arguments.name, SiteName::bytes_max)});
  const chain::PublicKeysFile made = or_refuse(keys::make_site_directory(arguments.into, *site));
  fmt::print("{}", chain::public_keys_text(made));
  fmt::print(
      "\nPrivate keys are in {0}/keys, mode 0600, and never leave it. Hand out {0}/{1}.pub.toml.\nFingerprint: {2}\n",
      arguments.into, site->view(), chain::fingerprint(made));
  if (arguments.is_replacement) return;  // its enrolment codes come with the certificate
  const keys::NewEnrolment enrolment = keys::make_enrolment(*site, 1, arguments.managers);
  or_refuse(keys::write_enrolment(arguments.into, enrolment.file));
  for (const std::string& code : enrolment.codes)
    fmt::print("Enrolment code of a manager, shown once: {} {}\n", site->view(), code);
}

struct AdoptArguments {
  std::string directory, file;
};

bool has_same_keys(const chain::ChainFile& a, const chain::ChainFile& b) {
  return a.root == b.root && a.recovery == b.recovery && a.operations == b.operations && a.certified == b.certified &&
         std::ranges::all_of(b.sites, [&](const chain::Site& site) {
           const chain::Site* before = a.find(site.name);
           return before != nullptr && before->keys == site.keys;
         });
}

// What the site goes by and what the file says of it: a file is not taken while a certificate that counts here would
// count no longer, or journals that name it could not be rebuilt from; unless the file revokes it, and nothing that
// counts on goes on from it: so is what a thief has signed. Of a spare that has not opened the store it is only said.
// Returns those that count.
std::vector<chain::Certified> check_certificates(const std::string& directory, std::string_view text) {
  std::vector<chain::Certified> goes_by;
  const auto view = serve::DataView::open(directory);
  if (!view) return goes_by;  // adopts its first file
  const auto next = chain::open_successor((*view)->file(), text);
  if (!next || has_same_keys((*view)->file(), *next)) return goes_by;
  or_refuse((*view)->learn_keys());
  const auto all = or_refuse((*view)->certificates());
  const auto counts_on = [&](const chain::Certificate& c) { return chain::open_certificate(*next, c.note); };
  const auto is_needed = [&](const chain::Certificate& c) {
    return std::ranges::any_of(all, [&](const auto& later) {
      return later.old_origin == c.origin() && counts_on(later.certificate).has_value();
    });
  };
  for (const auto& [c, old_origin, counts, is_waiting] : all) {
    if (!counts || next->find(c.site) == nullptr) continue;
    goes_by.push_back(chain::certified(c));
    const auto opened = counts_on(c);
    if (opened || (next->is_revoked(c.site, c.epoch) && !is_needed(c))) continue;
    if (!is_waiting)
      refuse({opened.error().code,
              fmt::format("Under version {} the certificate of {} for epoch {}, which this site goes by, counts no "
                          "longer ({}). If it is right, and the recovery keys have changed: write out what this site "
                          "knows with `holdfast recovery collect`, and have the root keys name it with `holdfast chain "
                          "init --certificates`. If a thief has signed it, have them revoke it: [[revoked]].",
                          next->version, c.site.view(), c.epoch, opened.error().text)});
    fmt::print(
        "The certificate of this store's spare (epoch {}) counts no longer: sign another, `holdfast recovery "
        "sign --spare`.\n",
        c.epoch);
  }
  return goes_by;
}

void adopt(const AdoptArguments& arguments) {
  const std::string text = or_refuse(keys::read_public_file(arguments.file));
  const auto goes_by = check_certificates(arguments.directory, text);
  const keys::Adopted adopted = or_refuse(keys::adopt_chain_file(arguments.directory, text, goes_by));
  if (!adopted.is_new) {
    fmt::print("{} has this file already: version {} of {}.\n", arguments.directory, adopted.file.version,
               adopted.file.chain);
    return;
  }
  fmt::print("{} now goes by version {} of {}.\n", arguments.directory, adopted.file.version, adopted.file.chain);
  for (const std::string& opening : adopted.openings) fmt::print("  opens: {}\n", opening);
  for (const auto& [name, key] : adopted.file.root.keys) fmt::print("  trusts {}: {}\n", name, to_hex(key));
}

}  // namespace

void add_key_commands(CLI::App& app) {
  CLI::App& group = command_group(app, "site", "One site: its keys and its data directory");

  auto keygen = std::make_shared<KeygenArguments>();
  CLI::App* make = group.add_subcommand("keygen", "Makes a data directory with the site's own keys");
  make->add_option("name", keygen->name, "The site's name in the chain file")->required();
  make->add_option("--into", keygen->into, "Directory to make; missing or empty")->required();
  make->add_option("--managers", keygen->managers, "Enrolment codes to make")
      ->capture_default_str()
      ->check(CLI::Range(1u, keys::enrolment_codes_max));
  make->add_flag("--replacement", keygen->is_replacement,
                 "For a lost site's new machine: no enrolment code, it comes with the certificate");
  make->callback([keygen] { make_site(*keygen); });

  auto arguments = std::make_shared<AdoptArguments>();
  CLI::App* adopter =
      group.add_subcommand("adopt", "Checks a signed chain file against the site's keys and puts it in place");
  adopter->add_option("directory", arguments->directory, "The site's data directory")->required();
  adopter->add_option("file", arguments->file, "The signed chain file")->required();
  adopter->callback([arguments] { adopt(*arguments); });
}

}  // namespace holdfast::cli
