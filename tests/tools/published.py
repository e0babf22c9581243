"""Small folders in the layouts in which data sets are published, for the tests of pal-data import."""

import json
import math
import pathlib
import struct
import wave

RATE = 8000


def write_wav(path, seconds=0.2, level=0.3, rate=RATE):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = (int(max(-1, min(1, level * math.sin(2 * math.pi * 440 * i / rate))) * 32767) for i in range(int(seconds * rate)))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return path


def write_text(path, text):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def esc50(root):
    """Four recordings of three folds; the last one is not there."""
    rows = [("1-100032-A-0.wav", 1, 0, "dog"), ("1-17092-A-27.wav", 1, 27, "brushing_teeth"), ("2-118817-A-32.wav", 2, 32, "keyboard_typing"),
            ("5-9032-A-0.wav", 5, 0, "dog")]
    for name, *_ in rows[:3]:
        write_wav(root / "audio" / name)
    write_text(root / "meta" / "esc50.csv", "filename,fold,target,category,esc10,src_file,take\n"
               + "".join(f"{name},{fold},{target},{category},False,{name.split('-')[1]},A\n" for name, fold, target, category in rows))


def vocalsound(root):
    """Two splits; the JSON files hold the paths of another machine, as the published ones do."""
    write_text(root / "class_labels_indices_vs.csv", 'index,mid,display_name\n0,/m/01j3sz,"Laughter"\n1,/m/07plz5l,"Sigh"\n'
               '2,/m/01b_21,"Cough"\n3,/m/0dl9sf8,"Throat clearing"\n4,/m/01hsr_,"Sneeze"\n5,/m/07ppn3j,"Sniff"\n')
    sets = {"tr": [("f0003_0_cough", "/m/01b_21"), ("f0003_0_throatclearing", "/m/0dl9sf8")], "te": [("m0007_0_laughter", "/m/01j3sz")]}
    for name, entries in sets.items():
        for recording, _ in entries:
            write_wav(root / "audio_16k" / f"{recording}.wav", rate=16000)
        write_text(root / "datafiles" / f"{name}.json",
                   json.dumps({"data": [{"wav": f"/data/sls/vocalsound/data/audio_16k/{recording}.wav", "labels": label} for recording, label in entries]}, indent=1))


def dcase2017_task4(root):
    """Rows sorted by class, so that a recording with two classes has rows apart; one with the authors' Y, one without."""
    write_text(root / "groundtruth_release" / "groundtruth_weak_label_evaluation_set.csv",
               "-JMT0mK0Dbg_30.000_40.000.wav\t30.000\t40.000\tTrain horn\n"
               "YilfKdY7w6Y_60.000_70.000.wav\t60.000\t70.000\tTrain horn\n"
               "YilfKdY7w6Y_60.000_70.000.wav\t60.000\t70.000\tAir horn, truck horn\n"
               "3FWHjjZGT9U_80.000_90.000.wav\t80.000\t90.000\tCar alarm\n")
    write_text(root / "groundtruth_weak_label_testing_set.csv", "0x82_HySIVU_30.000_40.000.wav\t30.000\t40.000\tBicycle\n")
    write_wav(root / "evaluation" / "Y-JMT0mK0Dbg_30.000_40.000.wav")
    write_wav(root / "evaluation" / "YilfKdY7w6Y_60.000_70.000.wav")
    write_wav(root / "testing" / "Y0x82_HySIVU_30.000_40.000.wav")


def dcase2017_task1(root):
    development, evaluation = (root / f"TUT-acoustic-scenes-2017-{part}" for part in ("development", "evaluation"))
    write_text(development / "meta.txt", "audio/b020_90_100.wav\tbeach\tb020\naudio/a001_0_10.wav\tcafe/restaurant\ta001\n")
    write_text(development / "evaluation_setup" / "fold1_train.txt", "audio/a001_0_10.wav\tcafe/restaurant\n")
    write_text(evaluation / "evaluation_setup" / "evaluate.txt", "audio/1245.wav\tcity_center\n")
    for path in (development / "audio" / "b020_90_100.wav", development / "audio" / "a001_0_10.wav", evaluation / "audio" / "1245.wav"):
        write_wav(path)


def fsd50k(root):
    write_text(root / "FSD50K.ground_truth" / "vocabulary.csv", "0,Accordion,/m/0mkg\n1,Bark,/m/05tny_\n2,Dog,/m/0bt9lr\n3,Animal,/m/0jbk\n")
    write_text(root / "FSD50K.ground_truth" / "dev.csv", 'fname,labels,mids,split\n64760,"Bark,Dog,Animal","/m/05tny_,/m/0bt9lr,/m/0jbk",train\n'
               "16399,Accordion,/m/0mkg,val\n")
    write_text(root / "FSD50K.ground_truth" / "eval.csv", 'fname,labels,mids\n37199,"Dog,Animal","/m/0bt9lr,/m/0jbk"\n')
    for path in ("FSD50K.dev_audio/64760.wav", "FSD50K.dev_audio/16399.wav", "FSD50K.eval_audio/37199.wav"):
        write_wav(root / path)


def audioset(root):
    """Every name by which a segment is found, and one that is not there."""
    write_text(root / "class_labels_indices.csv", 'index,mid,display_name\n0,/m/09x0r,"Speech"\n1,/m/05zppz,"Male speech, man speaking"\n2,/m/03v3yw,"Keys jangling"\n')
    videos = ["-0RWZT-miFs", "--PJHxphWEs", "abcdefghijk", "bbcdefghijk", "cbcdefghijk", "dbcdefghijk", "gone_______"]
    header = f"# Segments csv created Sun Mar  5 10:54:25 2017\n# num_ytids={len(videos)}, num_segs={len(videos)}, num_unique_labels=3, num_positive_labels=14\n" \
             "# YTID, start_seconds, end_seconds, positive_labels\n"
    write_text(root / "eval_segments.csv", header + "".join(f'{video}, 30.000, 40.000, "/m/09x0r,/m/05zppz"\n' for video in videos))
    write_text(root / "balanced_train_segments.csv", header + 'ebcdefghijk, 0.000, 10.000, "/m/03v3yw"\n')
    for name in ("eval/-0RWZT-miFs", "eval/Y--PJHxphWEs", "eval/abcdefghijk_30", "eval/bbcdefghijk_30_40", "eval/cbcdefghijk_30.000_40.000",
                 "eval/Ydbcdefghijk_30.000_40.000", "balanced/ebcdefghijk"):
        write_wav(root / "audio" / f"{name}.wav")


def audiocaps(root):
    """One caption to train on, several to test on, whose rows do not stand together; a recording named by a caption's id."""
    write_text(root / "dataset" / "train.csv", 'audiocap_id,youtube_id,start_time,caption\n91139,r1nicOVtvkQ,130,"A woman talks nearby, as water pours"\n')
    write_text(root / "dataset" / "test.csv", "audiocap_id,youtube_id,start_time,caption\n1,vfY_TJq7n_U,130,Ducks quack\n2,tdWhHV3X25Q,60,A cat meows\n"
               "3,vfY_TJq7n_U,130,Birds chirp\n4,tdWhHV3X25Q,60,Meowing\n5,gone_______,0,Nothing\n")
    write_wav(root / "audio" / "train" / "r1nicOVtvkQ_130.wav")
    write_wav(root / "audio" / "test" / "YvfY_TJq7n_U.wav")
    write_wav(root / "test" / "4.wav")


def clotho(root):
    columns = ["file_name"] + [f"caption_{i}" for i in range(1, 6)]
    for split, name in (("development", "Distorted AM Radio noise.wav"), ("evaluation", "Santa Motor.wav")):
        captions = [f'"A sound, number {i}."' for i in range(1, 6)]
        write_text(root / f"clotho_captions_{split}.csv", ",".join(columns) + "\r\n" + ",".join([name] + captions) + "\r\n")
    write_wav(root / "development" / "Distorted AM Radio noise.wav")
    write_wav(root / "clotho_audio_evaluation" / "evaluation" / "Santa Motor.wav")


def openaqa(root):
    """Records with the paths of another machine, of three sources; recordings of the last are not there."""
    records = [
        {"instruction": "What is crying?", "input": "", "dataset": "as_strong_train", "audio_id": "/data/sls/audioset/audio/LZq4Neh-oWU.flac", "task": "open-ended question", "output": "A baby."},
        {"instruction": "Name the sounds.", "input": "", "dataset": "as_strong_train", "audio_id": "/data/sls/audioset/audio/LZq4Neh-oWU.flac", "task": "cla_label", "output": "Labels: Crying; Speech"},
        {"instruction": "Write a caption.", "input": "", "dataset": "clotho_development", "audio_id": "/data/sls/clotho/Santa Motor.wav", "task": "caption", "output": "A motor."},
        {"instruction": "What is it?", "input": "", "dataset": "sound_bible", "audio_id": "/data/sls/sound_bible/2219.flac", "task": "open-ended question", "output": "A bell."},
    ]
    write_text(root / "openaqa_5.6M.json", json.dumps(records, indent=1))
    write_wav(root / "audio" / "LZq4Neh-oWU.wav")
    write_wav(root.parent / f"{root.name}-clotho" / "Santa Motor.wav")


# name of the importer: (maker, further options); {root} is the folder
ALL = {"esc50": (esc50, []), "vocalsound": (vocalsound, []), "dcase2017": (dcase2017_task4, []), "fsd50k": (fsd50k, []), "audioset": (audioset, []),
       "audiocaps": (audiocaps, []), "clotho": (clotho, []), "openaqa": (openaqa, ["--audio", "clotho_development={root}-clotho"])}
