// `holdfast tills certificate`: what a till's device must trust, for comparing and carrying.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "edge/cli/cli.h"
#include "edge/keys/data_directory.h"
#include "edge/keys/private_files.h"
#include "edge/posix/posix_world.h"
#include "edge/tills/store_certificate.h"

namespace holdfast::cli {
namespace {

void print_dates(const std::string& certificate) {
  const tills::Validity holds = or_refuse(tills::validity_of(certificate));
  fmt::print("  holds from  {}\n  ends        {}\n", to_text(holds.from), to_text(holds.to));
}

void show_certificate(const std::string& data, const std::string& out) {
  or_refuse(keys::read_site_marker(data));
  const auto leaf =
      keys::read_public_file(fmt::format("{}/{}", data, tills::tls_certificate_path), 2 * tills::pem_bytes_max);
  if (!leaf)
    refuse({"keys/not_found", fmt::format("{} has no certificate for tills yet: serve it with --tills once{}", data,
                                          ", and a spare together with its store's node")});
  const std::string authority = or_refuse(tills::authority_of(*leaf));
  fmt::print("The store's certificate, to be trusted by every till:\n  SHA-256     {}\n",
             or_refuse(tills::fingerprint(authority)));
  print_dates(authority);
  fmt::print("This machine's own, renewed by itself:\n");
  print_dates(*leaf);
  if (!out.empty()) {
    or_refuse(keys::create_public_file(out, authority));
    fmt::print("{} is the file for the devices.\n", out);
  }
  or_refuse(tills::check_dates(*leaf, edge::PosixClock().now()));
}

}  // namespace

void add_tills_commands(CLI::App& app) {
  CLI::App& group = command_group(app, "tills", "What tills on the shop's network need");
  struct Arguments {
    std::string data, out;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* shows = group.add_subcommand(
      "certificate",
      "Prints the fingerprint of the store's certificate, and its dates; exit code 1 if it does not hold now");
  shows->add_option("--data", arguments->data, "Data directory of the store's node or its spare")->required();
  shows->add_option("--out", arguments->out, "Write the certificate to this file, for a memory stick");
  shows->callback([arguments] { show_certificate(arguments->data, arguments->out); });
}

}  // namespace holdfast::cli
