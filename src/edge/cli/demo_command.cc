// `holdfast demo`: a small chain on this machine, out of this program alone.
#include <CLI/CLI.hpp>
#include <memory>

#include "edge/cli/cli.h"
#include "edge/demo/demo.h"

namespace holdfast::cli {

void add_demo_command(CLI::App& app) {
  auto settings = std::make_shared<demo::DemoSettings>();
  CLI::App* command = app.add_subcommand("demo", "A small chain on this machine, in trade, until Ctrl-C: look around");
  command->add_option("--dir", settings->directory,
                      "Directory of its own, emptied first; otherwise /var/tmp/holdfast-demo-<your user id>");
  command->add_option("--stores", settings->stores, "How many stores, 2 to 20")->capture_default_str();
  command->add_flag("--keep", settings->keep, "Leave the directory behind at the end");
  command->callback([settings] { or_refuse(demo::run_demo(*settings)); });
}

}  // namespace holdfast::cli
