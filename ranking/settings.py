"""Settings of ranking. `service.settings` joins them into the one table."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ranking.candidates import Fusion


class RankingSettings(BaseModel):
    """How two arms become one order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    depth: Annotated[
        int, Field(ge=1, le=1000, description="Candidates taken from each arm, whatever top_k a request asks for")
    ] = 100
    fusion: Annotated[
        Fusion, Field(description="How two arms become one score: calibrated, z_score, min_max or reciprocal_rank")
    ] = "calibrated"
    dense_weight: Annotated[
        float, Field(ge=0, le=1, description="Weight of the dense arm; the lexical arm has the rest")
    ] = 0.5
    dense_weight_chinese: Annotated[float, Field(ge=0, le=1, description="The same, for Chinese queries")] = 0.44
    cosine_span: Annotated[
        float,
        Field(
            gt=0,
            description="The difference of cosines that counts as much as matching all of a query's words; "
            "small for encoders whose cosines lie close together, as those of E5 do",
        ),
    ] = 0.22
    band_width: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="Scores within this share of the fall from the first to the tenth hit count as comparable",
        ),
    ] = 0.1
    boost_weight: Annotated[
        float, Field(ge=0, description="What authority=boost adds for authority 1 against authority 0")
    ] = 0.05
