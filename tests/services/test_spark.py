"""The registered champion as a function of Spark's, on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import pandas as pd
import pytest

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(not shutil.which("java"), reason="Spark needs Java 17 or newer"),
]
TEXTS = [f"The match number {n} in town was {end}" for n in range(20) for end in ("praised with joy.", "on the list.")]


@pytest.fixture
def spark(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A session of two cores whose workers are of this environment."""
    sql = pytest.importorskip("pyspark.sql", reason="PySpark is not installed: pip install 'PATH_TO_CHECKOUT[spark]'")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]))
    builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = builder.config("spark.driver.host", "127.0.0.1").config("spark.sql.shuffle.partitions", "2").getOrCreate()
    yield session
    session.stop()


@pytest.mark.parametrize("columns", [["text"], ["text", "previous"]])
def test_the_champion_is_a_function_of_spark(
    columns: list[str], spark: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = "models:/detente@champion"
    monkeypatch.setattr(mlflow.tracking._tracking_service.utils, "_tracking_uri", None)
    mlflow.set_tracking_uri(f"sqlite:///{project}/mlflow.db")
    monkeypatch.chdir(project)
    label = mlflow.pyfunc.spark_udf(spark, uri, env_manager="local")
    given = pd.DataFrame({"text": TEXTS, "previous": TEXTS[::-1]})
    frame = spark.createDataFrame(given).repartition(2)
    functions = pytest.importorskip("pyspark.sql.functions")
    rows = frame.withColumn("label", label(functions.struct(*columns))).collect()
    expected = mlflow.pyfunc.load_model(uri).predict(given[columns]).set_index(pd.Index(TEXTS))
    assert {row.text for row in rows} == set(TEXTS) and len(rows) == len(TEXTS)
    for row in rows:
        known, found = expected.loc[row.text], row.label.asDict(recursive=True)
        assert (found["topics"], found["stance"]) == (known["topics"], known["stance"])
        for scores in ("topic_scores", "stance_scores"):  # in 8 bits they depend on the batch
            assert found[scores] == pytest.approx(dict(known[scores]), abs=0.02)
