"""Torch's own launcher starts pal-train: what a cluster's users type."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
from distributed import SHORT, SMOKE, free_port, log_of, losses_of  # noqa: E402
from program import ASSETS, BIN, SOURCE, run  # noqa: E402


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Torchrun(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)

    def command(self, output, *more):
        return [sys.executable, "-m", "torch.distributed.run", "--no-python", "--nproc-per-node", "2", "--master-port", str(free_port()),
                str(BIN / "pal-train"), "--config", SMOKE, "--output", str(output), *SHORT, *more]

    def test_torchrun_trains_what_nproc_trains(self):
        result = subprocess.run(self.command(self.root / "torchrun"), cwd=SOURCE, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        nproc = run("pal-train", "--config", SMOKE, "--output", self.root / "nproc", *SHORT, "--nproc", 2)
        self.assertEqual(nproc.returncode, 0, nproc.stderr)
        self.assertEqual(losses_of(self.root / "torchrun"), losses_of(self.root / "nproc"))

    def test_the_script_for_machines_without_a_scheduler_starts_it(self):
        variables = {"PAL_BIN": str(BIN), "GPUS": "2", "PORT": str(free_port()), "TORCHRUN": f"{sys.executable} -m torch.distributed.run"}
        result = subprocess.run([SOURCE / "tools/cluster/torchrun.sh", SMOKE, str(self.root / "script"), *SHORT], cwd=SOURCE, capture_output=True, text=True, timeout=300,
                                check=False, env={**os.environ, **variables})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(log_of(self.root / "script")), 8)

    def test_the_kubernetes_file_is_a_service_and_a_job_that_meet(self):
        service, job = yaml.safe_load_all((SOURCE / "tools/cluster/kubernetes.yaml").read_text())
        pod = job["spec"]["template"]["spec"]
        variables = {entry["name"]: entry.get("value") for entry in pod["containers"][0]["env"]}
        self.assertEqual((service["kind"], job["kind"]), ("Service", "Job"))
        self.assertEqual(variables["HEAD"], f"{job['metadata']['name']}-0.{service['metadata']['name']}")
        self.assertEqual(pod["subdomain"], service["metadata"]["name"])
        self.assertEqual(int(variables["NODES"]), job["spec"]["parallelism"])
        self.assertEqual(job["spec"]["parallelism"], job["spec"]["completions"])

    def test_its_sigterm_saves_and_the_run_goes_on(self):
        long = ["--resume", "auto", "--set", "stages.align.steps=60", "--set", "train.save_every=0"]
        process = subprocess.Popen(self.command(self.root / "stopped", *long), cwd=SOURCE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
        deadline = time.monotonic() + 120
        while len(log_of(self.root / "stopped")) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        error = process.communicate(timeout=120)[1]
        saved = list((self.root / "stopped" / "checkpoints").glob("step-*"))
        self.assertEqual(len(saved), 1, error)
        again = subprocess.run(self.command(self.root / "stopped", *long), cwd=SOURCE, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("resuming after step", again.stderr)
        self.assertEqual([step["step"] for step in log_of(self.root / "stopped")], list(range(1, 65)))


if __name__ == "__main__":
    unittest.main()
