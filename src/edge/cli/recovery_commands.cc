// `holdfast recovery sign|collect`: certificates for new machines (protocol 5.1), offline, a list of sites at a time;
// and those that a site knows, for a chain file with other recovery keys.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>

#include "edge/cli/cli.h"
#include "edge/keys/ceremony.h"
#include "edge/keys/data_directory.h"
#include "edge/keys/private_files.h"
#include "edge/posix/posix_world.h"
#include "edge/serve/data_view.h"

namespace holdfast::cli {
namespace {

struct SignArguments {
  std::string chain_file, epoch = "auto", out;
  std::vector<std::string> key_folders, requests, clean_points;
  std::string requests_folder;
  unsigned managers = 1;
  bool spares = false;
};

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T out{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return out;
}

// "holdfast.example/acme/store-07/1:12345" for the request of that site.
void take_clean_point(std::vector<keys::CertificateRequest>& requests, const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const auto origin = colon == std::string::npos ? fail("", "") : parse_origin(std::string_view(text).substr(0, colon));
  const auto size =
      colon == std::string::npos ? std::nullopt : parse_number<std::uint64_t>(std::string_view(text).substr(colon + 1));
  if (!origin || !size)
    refuse(
        {"chain/bad_certificate",
         fmt::format("\"{}\" is not a clean point; write ORIGIN:SIZE, like example.com/acme/store-07/1:12345", text)});
  for (keys::CertificateRequest& request : requests) {
    if (request.machine.site != origin->site) continue;
    if (request.clean_point)
      refuse({"chain/bad_certificate", fmt::format("{} has two clean points; give one", origin->site.view())});
    request.clean_point.emplace(*origin, *size);
    return;
  }
  refuse({"chain/bad_certificate",
          fmt::format("the clean point {} is of {}, for which there is no --request", text, origin->site.view())});
}

void write_certificate(const std::string& directory, const keys::Issued& issued) {
  const chain::Certificate& c = issued.certificate;
  or_refuse(keys::create_public_file(fmt::format("{}/{}.certificate", directory, c.site.view()), c.note));
  if (!c.spare) or_refuse(keys::write_enrolment(directory, issued.enrolment.file));
  fmt::print("{:<31} epoch {:<4} takes {:<40} keys {}\n", c.site.view(), c.epoch,
             c.clean_point ? fmt::format("{}:{}", c.clean_point->first.text(), c.clean_point->second)
             : c.spare     ? "what the spare has"
                           : "the longest history",
             chain::fingerprint({c.site, c.keys}));
}

// Those named one by one, and every NAME.pub.toml of the folder, in the order of their names.
std::vector<std::string> request_files(const SignArguments& arguments) {
  std::vector<std::string> out = arguments.requests;
  if (!arguments.requests_folder.empty()) {
    const std::vector<std::string> found = files_ending_in(arguments.requests_folder, ".pub.toml");
    out.insert(out.end(), found.begin(), found.end());
  }
  if (out.empty())
    refuse({"keys/not_found", "there is no request; give --request NAME.pub.toml, or --requests and a folder of them"});
  return out;
}

void sign_certificates(const SignArguments& arguments) {
  const std::string chain_text = or_refuse(keys::read_public_file(arguments.chain_file));
  auto file = chain::open_chain_file(chain_text);
  if (!file) refuse({file.error().code, fmt::format("{}: {}", arguments.chain_file, file.error().text)});
  std::vector<keys::CertificateRequest> requests;
  for (const std::string& path : request_files(arguments)) {
    auto machine = chain::parse_public_keys(or_refuse(keys::read_public_file(path)));
    if (!machine) refuse({machine.error().code, fmt::format("{}: {}", path, machine.error().text)});
    requests.push_back({*machine, std::nullopt});
  }
  for (const std::string& text : arguments.clean_points) take_clean_point(requests, text);
  if (arguments.spares && !arguments.clean_points.empty())
    refuse({"chain/bad_certificate", "a spare has no clean point; sign spares and lost sites one after another"});
  keys::IssueOptions options{std::nullopt, arguments.managers, edge::PosixClock().now(), arguments.spares,
                             or_refuse(chain::open_chain_file(chain::root_signed_part(chain_text))).revoked};
  if (arguments.epoch != "auto") {
    options.epoch = parse_number<std::uint32_t>(arguments.epoch);
    if (!options.epoch || *options.epoch < 2 || *options.epoch > chain::epochs_max)
      refuse({"keys/epoch_taken", fmt::format("\"{}\" is no epoch to give out; write auto, or a number from 2 to {}",
                                              arguments.epoch, chain::epochs_max)});
  }
  // Before any number is given out: a place to write to that overwrites nothing.
  or_refuse(keys::check_missing_or_empty(arguments.out));
  or_refuse(keys::make_private_directory(arguments.out));
  std::vector<std::string> without_memory;
  for (const std::string& folder : arguments.key_folders)
    if (!std::filesystem::exists(keys::join(folder, "issued-epochs"))) without_memory.push_back(folder);
  const auto issued = or_refuse(keys::issue_certificates(*file, arguments.key_folders, requests, options));
  for (const keys::Issued& one : issued) write_certificate(arguments.out, one);
  if (!without_memory.empty() && !options.epoch)
    fmt::print(
        "No key in {} had signed a certificate, as far as the folder says. Is it a copy of one that has,\n"
        "these numbers may have been given out before, and mirrors refuse them: sign again with --epoch N,\n"
        "higher than any.\n",
        fmt::join(without_memory, ", "));
  fmt::print(
      "issued-epochs in {} has these numbers now: carry it onto every copy of the folder, or the copy gives them out "
      "again.\n",
      fmt::join(arguments.key_folders, ", "));
  if (arguments.spares) {
    fmt::print("Take each NAME.certificate in {} to its spare: `holdfast spare adopt`.\n", arguments.out);
    return;
  }
  fmt::print("Take each NAME.certificate and NAME.enrolment in {} to its new machine: `holdfast site rebuild`.\n",
             arguments.out);
  for (const keys::Issued& one : issued)
    for (const std::string& code : one.enrolment.codes)
      fmt::print("Enrolment code of a manager, shown once: {} {}\n", one.certificate.site.view(), code);
}

// --- recovery collect

struct CollectArguments {
  std::string data, out;
};

void collect_certificates(const CollectArguments& arguments) {
  const auto view = or_refuse(serve::DataView::open(arguments.data));
  or_refuse(view->learn_keys());
  const auto all = or_refuse(view->certificates());
  if (all.empty()) {
    fmt::print("{} knows no certificate: as far as it has heard, each site is on its first machine.\n", arguments.data);
    return;
  }
  or_refuse(keys::check_missing_or_empty(arguments.out));
  or_refuse(keys::make_private_directory(arguments.out));
  for (const auto& known : all) {
    const chain::Certificate& c = known.certificate;
    const std::string path = fmt::format("{}/{}-{}.certificate", arguments.out, c.site.view(), c.epoch);
    or_refuse(keys::create_public_file(path, c.note));
    fmt::print("{}{}\n", described(c),
               known.counts ? "" : "  COUNTS NO LONGER under the chain file here: not signed by its recovery keys");
  }
  fmt::print("Take {} to where the root keys are: `holdfast chain init --supersedes … --certificates {}`.\n",
             arguments.out, arguments.out);
}

}  // namespace

void add_recovery_commands(CLI::App& app) {
  CLI::App& group = command_group(app, "recovery", "What recovery keys are for");
  auto arguments = std::make_shared<SignArguments>();
  CLI::App* sign = group.add_subcommand("sign", "Signs certificates for new machines of lost sites, offline");
  sign->add_option("--chain", arguments->chain_file, "The newest signed chain file")->required();
  sign->add_option("--keys", arguments->key_folders, "A folder with a recovery key; once for each key that signs")
      ->required();
  sign->add_option("--request", arguments->requests, "NAME.pub.toml of a new machine; once for each site");
  sign->add_option("--requests", arguments->requests_folder, "A folder with the NAME.pub.toml of many sites");
  sign->add_flag("--spare", arguments->spares, "For spares, beforehand: they open with their own code, once");
  sign->add_option("--clean-point", arguments->clean_points,
                   "ORIGIN:SIZE, the last entries still trusted of a site; otherwise the longest history");
  sign->add_option("--epoch", arguments->epoch, "auto: the next that these keys have not given out; or a number")
      ->capture_default_str();
  sign->add_option("--managers", arguments->managers, "Enrolment codes for each site")
      ->capture_default_str()
      ->check(CLI::Range(1u, keys::enrolment_codes_max));
  sign->add_option("--out", arguments->out, "Directory to make, for certificates and enrolment files")->required();
  sign->callback([arguments] { sign_certificates(*arguments); });

  auto collected = std::make_shared<CollectArguments>();
  CLI::App* collect = group.add_subcommand(
      "collect", "Writes out the certificates that a site knows, so that they go on counting under new recovery keys");
  collect->add_option("--data", collected->data, "The site's data directory; its node may run")->required();
  collect->add_option("--out", collected->out, "Directory to make")->required();
  collect->callback([collected] { collect_certificates(*collected); });
}

}  // namespace holdfast::cli
