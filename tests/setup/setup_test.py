"""The shell part of the set-up, step by step with stand-ins for apt-get, dpkg-query and pal-convert; nothing is installed."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class SetupTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "bin").mkdir()
        self.cache = self.folder / "cache"
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("PAL_")}
        self.environment |= {"PAL_CACHE": str(self.cache), "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}

    def program(self, name: str, script: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def shell(self, script: str, **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run(["bash", "-c", f"set -euo pipefail; source '{ROOT}/tools/setup/all.sh'; {script}"], text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, env=self.environment | environment, check=False)

    def expect(self, done: subprocess.CompletedProcess, status: int, *texts: str) -> None:
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        for text in texts:
            self.assertIn(text, done.stdout + done.stderr)


class DebianPackagesTest(SetupTest):
    """On a system that has all packages of the list but libfmt-dev and libicu-dev (removed, its settings left)."""

    def setUp(self):
        super().setUp()
        self.log = self.folder / "log"
        self.program("dpkg-query", 'case ${!#} in libfmt-dev) exit 1;; libicu-dev) echo "rc ";; *) echo "ii ";; esac')
        self.program("apt-get", f'echo "$DEBIAN_FRONTEND: $*" >>{self.log}')

    def test_without_rights_one_message_names_the_packages_and_the_command(self):
        done = self.shell("pal_root_command() { return 1; }; pal_debian_packages debian-packages.txt")
        self.expect(done, 2, "are missing: libfmt-dev libicu-dev",
                    "sudo apt-get update && sudo apt-get install --no-install-recommends -y libfmt-dev libicu-dev")
        self.assertFalse(self.log.exists())

    def test_only_what_is_missing_is_installed_without_a_question(self):
        self.expect(self.shell("pal_root_command() { PAL_AS_ROOT=(); }; pal_debian_packages debian-packages.txt"), 0, "installing libfmt-dev libicu-dev")
        (line,) = self.log.read_text().splitlines()
        self.assertRegex(line, "^noninteractive: .*install .*-y libfmt-dev libicu-dev$")

    def test_every_list_that_is_named_is_installed(self):
        self.program("dpkg-query", 'case ${!#} in libfmt-dev | clang) exit 1;; *) echo "ii ";; esac')
        self.expect(self.shell("pal_root_command() { PAL_AS_ROOT=(); }; pal_debian_packages debian-packages.txt debian-fuzz-packages.txt"), 0,
                    "installing libfmt-dev clang")

    def test_stale_package_lists_are_refreshed_and_the_install_tried_again(self):
        self.program("apt-get", f'echo "$*" >>{self.log}; [[ "$*" == *update* ]] && touch {self.folder}/fresh; [[ -e {self.folder}/fresh ]]')
        self.expect(self.shell("pal_root_command() { PAL_AS_ROOT=(); }; pal_debian_packages debian-packages.txt"), 0)
        self.assertEqual([word for line in self.log.read_text().splitlines() for word in line.split()
                          if word in ("install", "update")], ["install", "update", "install"])

    def test_an_install_that_fails_is_exit_2_with_the_command(self):
        self.program("apt-get", "exit 100")
        self.expect(self.shell("pal_root_command() { PAL_AS_ROOT=(); }; pal_debian_packages debian-packages.txt"), 2, "install --no-install-recommends -y libfmt-dev")

    def test_with_everything_there_apt_is_not_called(self):
        self.program("dpkg-query", 'echo "hi "')
        self.expect(self.shell("pal_debian_packages debian-packages.txt"), 0, "all Debian packages are there")
        self.assertFalse(self.log.exists())

    def test_no_python_is_a_missing_package(self):
        self.expect(self.shell("pal_root_command() { return 1; }; pal_find_python() { return 1; }; pal_debian_packages debian-packages.txt"), 2,
                    "libfmt-dev libicu-dev python3 python3-venv")


class EnvironmentTest(SetupTest):
    def test_an_environment_without_its_stamp_is_built_again_from_scratch(self):
        self.expect(self.shell("pal_lock_cache; pal_need_python; pal_downloader; $PAL_PIP_PYTHON -m pip --version"), 0, "pip")
        (folder,) = self.cache.glob("pip-*")
        (folder / "half").touch()
        self.expect(self.shell("pal_lock_cache; pal_need_python; pal_downloader"), 0)
        self.assertTrue((folder / "half").exists(), "a whole environment is re-used")
        (folder / "complete").unlink()
        self.expect(self.shell("pal_lock_cache; pal_need_python; pal_downloader"), 0, "interrupted")
        self.assertFalse((folder / "half").exists())
        self.assertTrue((folder / "complete").exists())

    def test_kill_9_at_any_moment_leaves_nothing_that_is_taken_for_whole(self):
        for delay in (0.2, 0.8, 2.0):
            begun = subprocess.Popen(["bash", "-c", f"source '{ROOT}/tools/setup/all.sh'; pal_lock_cache; pal_need_python; pal_downloader"],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment, start_new_session=True)
            time.sleep(delay)
            os.killpg(begun.pid, signal.SIGKILL)
            begun.wait()
        self.expect(self.shell("pal_lock_cache; pal_need_python; pal_downloader; $PAL_PIP_PYTHON -m pip --version"), 0, "pip")

    def test_a_second_set_up_waits_for_the_first(self):
        self.cache.mkdir()
        with subprocess.Popen(["flock", str(self.cache / "lock"), "sleep", "1"]):
            time.sleep(0.3)
            self.expect(self.shell("pal_lock_cache; echo mine"), 0, "waiting", "mine")

    def test_what_a_killed_set_up_left_behind_is_removed(self):
        (self.cache / "tmp.deb-x").mkdir(parents=True)
        self.expect(self.shell("pal_lock_cache"), 0)
        self.assertFalse((self.cache / "tmp.deb-x").exists())


class NvccTest(SetupTest):
    """With stand-ins for the machine's nvcc and for pip."""

    PIP = 'pal_pip() { local bin; bin=$(pal_site_packages "$1")/nvidia/cu13/bin; mkdir -p "$bin"; touch "$bin/nvcc"; echo "pip $*"; }; '
    NONE = "pal_find_nvcc() { return 1; }; "
    SHOW = 'pal_lock_cache; pal_need_python; pal_nvcc; echo "nvcc [$PAL_NVCC]"'

    def setUp(self):
        super().setUp()
        self.torch = self.folder / "torch"
        (self.torch / "lib").mkdir(parents=True)
        (self.torch / "lib/libtorch_cuda.so").touch()
        self.environment["PAL_TORCH_DIR"] = str(self.torch)
        self.environment.pop("CUDA_HOME", None)

    def test_the_machines_own_is_taken(self):
        self.program("nvcc", "true")
        self.expect(self.shell(self.PIP + self.SHOW), 0, f"nvcc [{self.folder}/bin/nvcc]")
        self.assertEqual(list(self.cache.glob("nvcc-*")), [])
        self.expect(self.shell(self.PIP + self.NONE + self.SHOW, PAL_NVCC=f"{self.folder}/bin/nvcc"), 0, f"nvcc [{self.folder}/bin/nvcc]")

    def test_where_there_is_none_it_is_installed_once(self):
        first = self.shell(self.PIP + self.NONE + self.SHOW)
        (folder,) = self.cache.glob("nvcc-*")
        self.expect(first, 0, f"pip {folder} install -r {ROOT}/tools/setup/nvcc-requirements.txt", f"nvcc: PyPI's, in {folder}", f"nvcc [{folder}/lib/", "/nvidia/cu13/bin/nvcc]")
        again = self.shell(self.PIP + self.NONE + self.SHOW)
        self.expect(again, 0, f"nvcc [{folder}/lib/")
        self.assertNotIn("pip ", again.stdout)

    def test_without_a_network_the_set_up_goes_on_without_kernels(self):
        self.expect(self.shell("pal_pip() { pal_fail 'no network'; }; " + self.NONE + self.SHOW), 0, "no network", "without its CUDA kernels", "nvcc []")

    def test_a_libtorch_without_cuda_needs_none(self):
        (self.torch / "lib/libtorch_cuda.so").unlink()
        self.expect(self.shell(self.PIP + self.SHOW), 0, "without CUDA", "nvcc []")
        self.assertEqual(list(self.cache.glob("nvcc-*")), [])


class WrongInputTest(SetupTest):
    def test_each_is_exit_2_with_a_message(self):
        (self.folder / "file").touch()
        for script, environment, message in [
            ("pal_torch", {"PAL_TORCH_DIR": "/nowhere"}, "PAL_TORCH_DIR=/nowhere: expected LibTorch there"),
            ("pal_nvcc", {"PAL_NVCC": "/nowhere"}, "PAL_NVCC=/nowhere: expected CUDA's compiler there"),
            ("pal_lock_cache", {"PAL_CACHE": f"{self.folder}/file/cache"}, "cannot write to the cache folder"),
            ("pal_lock_cache; pal_need_space 999999 LibTorch", {}, "LibTorch needs 999999 GB"),
            ("pal_need_python", {"PAL_PYTHON": "/bin/false"}, "no fitting Python: /bin/false should be 3.10 to 3.14"),
        ]:
            with self.subTest(message=message):
                self.expect(self.shell(script, **environment), 2, "set-up: ", message)

    def test_unknown_options_and_help_of_every_script(self):
        for script in ("setup", "quickstart", "cuda_check"):
            run = [str(ROOT / f"tools/{script}.sh")]
            self.expect(subprocess.run([*run, "--hepl"], capture_output=True, text=True, check=False), 2, "unknown option '--hepl'")
        for script in ("setup", "test", "quickstart", "cuda_check"):
            done = subprocess.run([str(ROOT / f"tools/{script}.sh"), "--help"], capture_output=True, text=True, check=False)
            self.expect(done, 0, "Usage: tools/")

    def test_wrong_options_of_the_quickstart(self):
        for options, message in [(["--seeds", "x"], "--seeds: expected whole numbers such as 1,2,3, got 'x'"), (["--seeds"], "got nothing"),
                                 (["--integrations"], "got nothing"), (["--integrations", "lla,pal"], "'lla' is not known")]:
            with self.subTest(options=options):
                done = subprocess.run([str(ROOT / "tools/quickstart.sh"), *options], capture_output=True, text=True, check=False)
                self.expect(done, 2, message)


class ConvertTest(SetupTest):
    """pal_convert_one with a converter that copies, in a project of its own."""

    def setUp(self):
        super().setUp()
        self.project = self.folder / "project"
        (self.project / "assets/sources").mkdir(parents=True)
        (self.project / "build/release/bin").mkdir(parents=True)
        self.converter = self.project / "build/release/bin/pal-convert"
        self.converter.write_text('#!/bin/bash\necho run >>runs; cp "$2" "${!#}"\n')
        self.converter.chmod(0o755)
        self.source, self.result = self.project / "assets/sources/in", self.project / "assets/out"
        self.source.write_text("weights")

    def runs_after_converting(self) -> int:
        self.expect(self.shell(f"cd {self.project}; pal_convert_one assets/out assets/sources/in kind assets/sources/in"), 0)
        return len((self.project / "runs").read_text().splitlines())

    def test_it_runs_once_and_again_when_source_result_or_converter_change(self):
        self.assertEqual([self.runs_after_converting(), self.runs_after_converting()], [1, 1])
        self.source.write_text("other weights")
        self.assertEqual((self.runs_after_converting(), self.result.read_text()), (2, "other weights"))
        self.result.write_text("other")
        self.assertEqual((self.runs_after_converting(), self.result.read_text()), (3, "other weights"))
        with self.converter.open("a") as file:
            file.write("# changed\n")
        self.assertEqual(self.runs_after_converting(), 4)

    def test_a_converter_that_fails_leaves_no_result(self):
        self.converter.write_text('#!/bin/bash\necho half >"${!#}"; exit 1\n')
        done = self.shell(f"cd {self.project}; pal_convert_one assets/out assets/sources/in kind assets/sources/in")
        self.assertEqual(done.returncode, 1)
        self.assertFalse(self.result.exists())


class TableTest(SetupTest):
    def run_folder(self, name: str, heard: set[int], withheld: set[int], seconds: list[float]) -> None:
        for kind, right in (("eval", heard), ("eval-withheld", withheld)):
            path = self.folder / "runs" / name / kind / "results.json"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps({
                "settings": {"decoding": {"answers": ["cat", "dog"]}},
                "predictions": [{"id": str(i), "correct": i in right} for i in range(10)]}))
        (self.folder / "runs" / name / "log.jsonl").write_text("".join(f'{{"seconds": {s}}}\n' for s in seconds))

    def table(self, *runs: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([shutil.which("python3"), "-B", str(ROOT / "tools/quickstart/table.py"), *(f"runs/{run}" for run in runs)],
                              cwd=self.folder, capture_output=True, text=True, check=False)

    def test_the_table_shows_scores_control_chance_and_the_exact_paired_test(self):
        self.run_folder("pal", set(range(8)), {0, 1}, [100.2, 25.1])
        # Six clips gained, none lost: p = 2 / 2^6.
        self.expect(self.table("pal"), 0, "pal          80.0 % [50, 100]   20.0 % [0, 50]  50.0 %  0.031  2 min 5 s", "What they cannot")

    def test_runs_that_differ_in_their_seed_are_pooled_clip_by_clip(self):
        self.run_folder("pal-seed1", {0, 1, 2, 3}, {4}, [60])
        self.run_folder("pal-seed2", {0, 1}, set(), [70])
        self.run_folder("lal", {0}, {1}, [5])
        # Differences 2, 2, 1, 1, -1: of their 32 signs a quarter reach 5 either way.
        done = self.table("pal-seed1", "pal-seed2", "lal")
        self.expect(done, 0, "pal, 2 seeds pooled  30.0 %", "5.0 %", "0.25  2 min 10 s")
        self.assertNotIn("lal, ", done.stdout)

    def test_evaluations_of_different_clips_are_not_compared(self):
        self.run_folder("pal", {0}, {1}, [1])
        results = self.folder / "runs/pal/eval-withheld/results.json"
        results.write_text(results.read_text().replace('"9"', '"nine"'))
        done = self.table("pal")
        self.assertEqual(done.returncode, 1)
        self.assertIn("different clips", done.stderr)


if __name__ == "__main__":
    unittest.main()
